/** One integration: counts, limits, rates, durations, what fails, and whether it is paused. */
import { html } from 'htm/preact'
import { useId } from 'preact/hooks'
import type { IntegrationHistory, IntegrationState, IntegrationStats } from './answers.js'
import type { ControlAsked } from './control.js'
import { Failures, Meter, Throughput } from './plots.js'
import { linkTo } from './route.js'
import { Spent } from './spent.js'
import { STATUSES, Status } from './status.js'
import { Ago, At, Since } from './times.js'
import { count, counted, duration, inWords } from './words.js'

const MOST_USERS = 3

interface IntegrationProps {
  stats: IntegrationStats
  state: IntegrationState
  mostCounted: number
  history: IntegrationHistory | undefined
  bucketSeconds: number | undefined
  ask(asked: ControlAsked): void
}

export function Integration({ stats, state, mostCounted, history, bucketSeconds, ask }: IntegrationProps) {
  const { integration, open } = stats
  const heading = useId()
  const act = (name: ControlAsked['act'], words: string) => html`<button
    type="button"
    aria-describedby=${heading}
    onClick=${() => ask({ act: name, integration, state })}
  >${words} …</button>`
  return html`<section class="panel" aria-labelledby=${heading}>
    <header>
      <h2 id=${heading}><a href=${linkTo('tasks', { integration })}>${integration}</a></h2>
      <${Badge} stats=${stats} state=${state} />
      <div class="buttons">
        ${state.paused ? act('resume', 'Resume') : act('pause', 'Pause')} ${act('setLimits', 'Limits')}
      </div>
    </header>
    ${state.paused && html`<${Paused} paused=${state.paused} />`}
    <div class="grid">
      <div>
        <h3>Tasks</h3>
        <ul class="counts">
          ${STATUSES.map((status) => {
            const isOpen = status !== 'completed' && status !== 'cancelled'
            const words = isOpen ? count(open[status] ?? 0, mostCounted) : ''
            return html`<li key=${status}>
              <a href=${linkTo('tasks', { integration, status })}><${Status} of=${status} />${words !== '' && html` <b>${words}</b>`}</a>
              ${status === 'failed' && html`${' '}<span class="quiet">to be tried again</span>`}
            </li>`
          })}
        </ul>
        <${Waiting} stats=${stats} />
        <${InFlight} state=${state} />
        <p>Oldest due: <b class=${stats.oldestDueSeconds > 300 ? 'late' : ''}>${duration(Math.round(stats.oldestDueSeconds))}</b></p>
        <${Asking} stats=${stats} />
        <${HeldUp} stats=${stats} />
        ${
          stats.longestUncheckedSeconds >= 1 &&
          html`<p class="quiet">Longest that nobody looked at a run: ${duration(Math.round(stats.longestUncheckedSeconds))}</p>`
        }
      </div>
      <div>
        <h3>Throughput</h3>
        ${history && bucketSeconds !== undefined && html`<${Throughput} history=${history} bucketSeconds=${bucketSeconds} />`}
        <${Ends} stats=${stats} mostCounted=${mostCounted} />
      </div>
      <div>
        <h3>Durations</h3>
        <${Durations} stats=${stats} />
        <h3>Last failures</h3>
        <${Failures} integration=${integration} failures=${stats.failures} />
        ${stats.spend && html`<${Spent} integration=${integration} spend=${stats.spend} />`}
      </div>
    </div>
  </section>`
}

/** What keeps new tasks from starting, if something that main knows does. */
function Badge({ stats: { open, daemons }, state }: Pick<IntegrationProps, 'stats' | 'state'>) {
  const { set, configured } = state.maxTasksInFlight
  const waits = (open.pending ?? 0) > 0
  const held = state.paused
    ? 'paused'
    : (set ?? configured) === 0
      ? 'limit 0'
      : waits && daemons.missing
        ? 'no daemon asks'
        : null
  return html`<span class=${`badge ${held === null ? 'running' : 'paused'}`}>${held ?? 'running'}</span>`
}

function Paused({ paused }: { paused: NonNullable<IntegrationState['paused']> }) {
  return html`<p class="notice held">
    Paused by <b>${paused.by}</b> since <${At} at=${paused.since} /> (<${Since} at=${paused.since} />): ${paused.why}
  </p>`
}

function InFlight({ state }: { state: IntegrationState }) {
  const { maxTasksInFlight: total, maxTasksInFlightPerUser: perUser, inFlight } = state
  const max = total.set ?? total.configured
  const user = perUser.set ?? perUser.configured
  const words = max === null ? count(inFlight) : `${count(inFlight)} of ${count(max)}`
  return html`<p>In flight: <b>${words}</b>
      ${total.set !== null && html` <span class="badge set">set by an operator</span>`}
      ${user !== null && html`<span class="quiet">, ${count(user)} a user${perUser.set !== null ? ' (set by an operator)' : ''}</span>`}
    </p>
    ${max !== null && html`<${Meter} share=${max === 0 ? 1 : inFlight / max} label=${`In flight: ${words}`} />`}`
}

/** Whose tasks wait. */
function Waiting({ stats: { integration, pendingUsers } }: Pick<IntegrationProps, 'stats'>) {
  if (pendingUsers.length === 0) return null
  const shown = pendingUsers.slice(0, MOST_USERS).map(({ user, count: number }, index) => {
    const href = linkTo('tasks', { integration, user: user ?? '', status: 'pending' })
    const name = user === null ? 'without an id' : html`<a href=${href}>${user}</a>`
    return html`${index > 0 && ', '}${name} <b>${count(number)}</b>`
  })
  return html`<p title="Of the newest 10,000 pending tasks">Pending by user: ${shown}</p>`
}

/** Whether somebody works on it. */
function Asking({ stats: { daemons, open } }: Pick<IntegrationProps, 'stats'>) {
  const { running, draining, silent, askedSecondsAgo } = daemons
  const stuck = silent > 0 && html`, <b class="late">${silent} stuck or gone</b>`
  if (running + draining + silent === 0) {
    const waits = (open.pending ?? 0) > 0
    return html`<p class=${waits ? 'late' : 'quiet'}>No daemon has asked for its tasks lately.</p>`
  }
  const asked =
    askedSecondsAgo === null ? 'none has asked lately' : `asked ${duration(Math.round(askedSecondsAgo))} ago`
  const held = daemons.missing && running > 0
  return html`<p>Daemons: <b>${running}</b>${draining > 0 && `, ${draining} stopping`}${stuck}<span class="quiet">, ${asked}</span></p>
    ${held && html`<p class="late">They ask for no tasks: a gate is closed (Temporal away, its worker not running, …). A daemon’s /readyz says which.</p>`}`
}

/** What its runs wait for: a provider's pause, say. */
function HeldUp({ stats: { heldUp } }: Pick<IntegrationProps, 'stats'>) {
  return heldUp.map(
    ({ code, count: number, since, nextTryAt }) => html`<p class="notice held" key=${code}>
      <b>${counted(number, 'run')}</b> held up: ${inWords(code)}, since <${Ago} at=${since} />${nextTryAt !== null && html`, tried again <${Ago} at=${nextTryAt} />`}
    </p>`,
  )
}

function Ends({ stats, mostCounted }: { stats: IntegrationStats; mostCounted: number }) {
  const rows = [
    ['Completed', stats.completed],
    ['Failed attempts', stats.failedAttempts],
    ['Cancelled', stats.cancelled],
    ['Take-overs', stats.takeOvers],
    ['Lost answers', stats.lostAnswers],
  ] as const
  return html`<table class="small">
    <thead>
      <tr><th scope="col"><span class="unseen">Ends</span></th><th scope="col">5 min</th><th scope="col">1 h</th><th scope="col">24 h</th></tr>
    </thead>
    <tbody>
      ${rows.map(
        ([name, { minutes5, hour, day }]) => html`<tr key=${name}>
          <th scope="row">${name}</th>
          ${[minutes5, hour, day].map((value, index) => html`<td class="number" key=${index}>${count(value, mostCounted)}</td>`)}
        </tr>`,
      )}
    </tbody>
  </table>`
}

function Durations({ stats: { queued, working } }: { stats: IntegrationStats }) {
  const row = (name: string, { median, p95 }: IntegrationStats['queued']) => html`<tr>
    <th scope="row">${name}</th><td class="number">${duration(median)}</td><td class="number">${duration(p95)}</td>
  </tr>`
  return html`<table class="small">
    <thead>
      <tr><th scope="col"><span class="unseen">Time</span></th><th scope="col">median</th><th scope="col">p95</th></tr>
    </thead>
    <tbody>${row('Waited', queued)} ${row('Worked', working)}</tbody>
  </table>`
}
