/** What an integration's provider charged: against its budget, by day and by user. */
import { html } from 'htm/preact'
import type { Spend } from './answers.js'
import { Meter } from './plots.js'
import { linkTo } from './route.js'
import { money } from './words.js'

const MOST_USERS = 5
const BESIDES = 'What creates whose answers were lost may have cost besides'

export function Spent({ integration, spend }: { integration: string; spend: Spend }) {
  const { currency, today, month, days30, reserved, budget, budgetPerUser, users } = spend
  return html`<h3>Spent (days are UTC)</h3>
    <table class="small">
      <thead>
        <tr>
          <th scope="col"><span class="unseen">Time</span></th>
          <th scope="col">charged</th>
          <th scope="col" title=${BESIDES}>maybe besides</th>
        </tr>
      </thead>
      <tbody>
        ${row('Today', today, currency, budget?.perDay)} ${row('This month', month, currency, budget?.perMonth)}
        ${row('30 days', days30, currency)}
      </tbody>
    </table>
    ${meter('Today', today, currency, budget?.perDay)} ${meter('This month', month, currency, budget?.perMonth)}
    ${reserved > 0 && html`<p class="quiet">In flight, expected: ${money(reserved, currency)}</p>`}
    ${budgetPerUser && html`<p class="quiet">One user: ${limits(budgetPerUser, currency)}</p>`}
    <${ByDay} spend=${spend} />
    ${users.length > 0 && html`<h3>Users, this month</h3>`}
    <ul class="users">
      ${users.slice(0, MOST_USERS).map(
        ({ user, charged }) => html`<li key=${user}>
          ${user === null ? 'without an id' : html`<a class="cut" href=${linkTo('tasks', { integration, user })}>${user}</a>`}
          <span class="number">${money(charged, currency)}</span>
        </li>`,
      )}
    </ul>`
}

type Amounts = Spend['today']
type Limit = number | null | undefined

function row(name: string, { charged, ambiguous }: Amounts, currency: string, limit?: Limit) {
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="number">${money(charged, currency)}${limit != null && html`<span class="quiet">${' '}of ${money(limit, currency)}</span>`}</td>
    <td class="number quiet">${ambiguous === 0 ? '–' : money(ambiguous, currency)}</td>
  </tr>`
}

function meter(name: string, { charged }: Amounts, currency: string, limit: Limit) {
  if (limit == null) return null
  const label = `${name}: ${money(charged, currency)} of ${money(limit, currency)}`
  return html`<${Meter} share=${limit === 0 ? 1 : charged / limit} label=${label} />`
}

function limits({ perDay, perMonth }: NonNullable<Spend['budgetPerUser']>, currency: string): string {
  const parts = [
    perDay !== null && `${money(perDay, currency)} a day`,
    perMonth !== null && `${money(perMonth, currency)} a month`,
  ]
  return parts.filter(Boolean).join(', ')
}

function ByDay({ spend: { byDay, currency } }: { spend: Spend }) {
  if (byDay.length < 2) return null
  const highest = Math.max(1, ...byDay.map(({ charged }) => charged))
  const width = 100 / byDay.length
  return html`<figure class="plot">
    <svg role="img" aria-label=${`Charged by day: at most ${money(highest, currency)}`} height="40" width="100%">
      ${byDay.map(
        ({ day, charged }, index) => html`<rect
          key=${day}
          class="of-spend"
          x=${`${index * width}%`}
          width=${`${0.85 * width}%`}
          y=${`${100 - (100 * charged) / highest}%`}
          height=${`${(100 * charged) / highest}%`}
        ><title>${`${day}: ${money(charged, currency)}`}</title></rect>`,
      )}
    </svg>
    <figcaption><span>${byDay[0]?.day}</span><span>at most ${money(highest, currency)}</span><span>${byDay.at(-1)?.day}</span></figcaption>
  </figure>`
}
