/** What operators did: who, when, why, and what came of it. */
import { html } from 'htm/preact'
import { useContext, useState } from 'preact/hooks'
import type { Act } from './answers.js'
import type { APIs } from './asking.js'
import { Console } from './context.js'
import { useLoaded } from './loading.js'
import { LoadState, Table } from './parts.js'
import { linkTo, linkToTask } from './route.js'
import { At } from './times.js'
import { inWords } from './words.js'

const PAGE = 50

/** @param integration empty for all */
export function Acts({ integration }: { integration: string }) {
  const { apis } = useContext(Console)
  const [pages, setPages] = useState(1)
  const loaded = useLoaded({
    key: `acts ${integration} ${pages}`,
    load: async (signal) => {
      const all = (await apis.stats(signal)).integrations.map((stats) => stats.integration)
      const of = integration === '' ? all : [integration]
      return { all, ...(await newest(apis, of, pages, signal)) }
    },
    concerns: () => true,
  })
  const { value } = loaded
  const choose = (event: Event) => {
    location.hash = linkTo('acts', { integration: (event.currentTarget as HTMLSelectElement).value })
  }
  return html`<h1 tabindex="-1">Acts of operators</h1>
    <div class="filters">
      <label>Integration
        <select value=${integration} onChange=${choose}>
          <option value="">all</option>
          ${value?.all.map((name) => html`<option value=${name} key=${name} selected=${name === integration}>${name}</option>`)}
        </select>
      </label>
    </div>
    <${LoadState} loaded=${loaded} />
    ${value && (value.acts.length === 0 ? html`<p class="quiet empty">Nobody has done anything yet.</p>` : html`<${ActTable} acts=${value.acts} />`)}
    ${value?.isMore && html`<p class="pages"><button type="button" onClick=${() => setPages(pages + 1)}>Older ones</button></p>`}`
}

/**
 * The newest acts of several integrations, each of which has pages of its own: what is older than the end of one's last
 * page is not shown yet, as others of that time may be missing.
 */
async function newest(apis: Pick<APIs, 'acts'>, integrations: string[], pages: number, signal: AbortSignal) {
  const acts: Act[] = []
  let completeSince = Number.NEGATIVE_INFINITY
  for (const integration of integrations) {
    let before: string | undefined
    for (let page = 0; page < pages; page += 1) {
      const answer = await apis.acts(integration, { limit: PAGE, before }, signal)
      acts.push(...answer.acts)
      before = answer.next ?? undefined
      if (before === undefined) break
    }
    if (before !== undefined) completeSince = Math.max(completeSince, acts.at(-1)?.at ?? completeSince)
  }
  const shown = acts.filter(({ at }) => at >= completeSince).sort((a, b) => b.at - a.at)
  return { acts: shown, isMore: completeSince > Number.NEGATIVE_INFINITY }
}

function ActTable({ acts }: { acts: Act[] }) {
  return html`<${Table} label="Acts" columns=${['When', 'Who', 'Did', 'To', 'Reason', 'Outcome']}>
    ${acts.map(
      (act) => html`<tr key=${`${act.integration} ${act.id}`}>
        <td class="number"><${At} at=${act.at} /></td>
        <td title=${`by the credentials of ${act.who}`}>${act.by ?? act.who}</td>
        <td>${inWords(act.act)}</td>
        <td>${act.integration}${act.task !== null && html` <a href=${linkToTask(act.task)}>${act.task}</a>`}</td>
        <td>${act.why ?? '–'}</td>
        <td class="outcome">${outcomeOf(act)}</td>
      </tr>`,
    )}
  <//>`
}

function outcomeOf({ act, outcome, filter }: Act): string {
  if (act === 'retryTask' && outcome.status === 'failed') return 'to be tried again'
  const shown = { ...outcome, ...(filter && { filter }) }
  return Object.entries(shown)
    .map(
      ([name, value]) =>
        `${inWords(name)}: ${typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value)}`,
    )
    .join(', ')
}
