/** How all integrations are: what waits, what is in flight, what fails; and who asks for their tasks. */
import { html } from 'htm/preact'
import { useContext, useState } from 'preact/hooks'
import type { Daemon, IntegrationHistory, IntegrationState, IntegrationStats, Stats } from './answers.js'
import { Console } from './context.js'
import { Control, type ControlAsked } from './control.js'
import { Daemons } from './daemons.js'
import { Integration } from './integration.js'
import { useLoaded } from './loading.js'
import { LoadState } from './parts.js'
import { linkTo } from './route.js'
import { count, duration, money } from './words.js'

/** Ages and rates change without anything happening. */
const EVERY_MS = 10_000
const SPANS = { hour: 'last hour', day: 'last day' } as const
type Span = keyof typeof SPANS

export function Overview() {
  const { apis, live } = useContext(Console)
  const [span, setSpan] = useState<Span>('hour')
  const [asked, setAsked] = useState<ControlAsked>()
  const loaded = useLoaded({
    key: 'overview',
    load: async (signal) => {
      const [stats, daemons] = await Promise.all([apis.stats(signal), apis.daemons(signal)])
      const states = await Promise.all(stats.integrations.map(({ integration }) => apis.state(integration, signal)))
      return { stats, states, daemons }
    },
    concerns: () => true,
    everyMs: EVERY_MS,
  })
  const history = useLoaded({
    key: `history ${span}`,
    load: (signal) => apis.history(span, signal),
    concerns: () => false,
    everyMs: EVERY_MS,
  })
  const { value } = loaded
  const historyOf = (name: string): IntegrationHistory | undefined =>
    history.value?.integrations.find(({ integration }) => integration === name)
  return html`<h1 tabindex="-1">Overview</h1>
    <${LoadState} loaded=${loaded} />
    ${
      value &&
      html`<${Totals} stats=${value.stats} />
        <div class="span" role="group" aria-label="Time that the plots show">
          ${Object.entries(SPANS).map(
            ([name, words]) => html`<button
              type="button"
              key=${name}
              aria-pressed=${name === span}
              onClick=${() => setSpan(name as Span)}
            >${words}</button>`,
          )}
        </div>
        ${value.stats.integrations.map(
          (stats: IntegrationStats, index: number) => html`<${Integration}
            key=${stats.integration}
            stats=${stats}
            state=${value.states[index] as IntegrationState}
            mostCounted=${value.stats.mostCounted}
            history=${historyOf(stats.integration)}
            bucketSeconds=${history.value?.bucketSeconds}
            ask=${setAsked}
          />`,
        )}
        <${Daemons} daemons=${value.daemons as Daemon[]} />`
    }
    ${
      asked &&
      html`<${Control} asked=${asked} close=${() => {
        setAsked(undefined)
        live.wake()
      }} />`
    }`
}

/** Over all integrations. */
function Totals({ stats: { integrations, mostCounted } }: { stats: Stats }) {
  const sum = (of: (stats: IntegrationStats) => number | undefined) =>
    integrations.reduce((total, stats) => total + (of(stats) ?? 0), 0)
  const counted = (of: Parameters<typeof sum>[0]) => count(sum(of), mostCounted)
  const oldest = Math.max(0, ...integrations.map(({ oldestDueSeconds }) => oldestDueSeconds))
  const tile = (name: string, value: string, link?: string, kind = '') => html`<div class=${`tile ${kind}`}>
    <dt>${name}</dt>
    <dd>${link === undefined ? value : html`<a href=${link}>${value}</a>`}</dd>
  </div>`
  const spent = new Map<string, number>()
  for (const { spend } of integrations) {
    if (spend) spent.set(spend.currency, (spent.get(spend.currency) ?? 0) + spend.today.charged)
  }
  const failed = sum(({ failedAttempts }) => failedAttempts.hour)
  return html`<dl class="tiles">
    ${tile(
      'Pending',
      counted(({ open }) => open.pending),
      linkTo('tasks', { status: 'pending' }),
    )}
    ${tile('Oldest due', duration(Math.round(oldest)), undefined, oldest > 300 ? 'late' : '')}
    ${tile(
      'In flight',
      counted(({ inFlight }) => inFlight),
    )}
    ${tile(
      'To be tried again',
      counted(({ open }) => open.failed),
    )}
    ${tile(
      'Completed, 1 h',
      counted(({ completed }) => completed.hour),
    )}
    ${tile('Failed attempts, 1 h', count(failed, mostCounted), linkTo('tasks', { status: 'failed' }), failed > 0 ? 'failing' : '')}
    ${[...spent].map(([currency, micros]) => tile('Spent today (UTC)', money(micros, currency)))}
  </dl>`
}
