/** What may be set for an integration: pause it, resume it, limit its tasks in flight and its requests. */
import { html } from 'htm/preact'
import { useContext } from 'preact/hooks'
import type { IntegrationState } from './answers.js'
import { Console } from './context.js'
import { Confirm } from './dialog.js'

type LimitName = 'maxTasksInFlight' | 'maxTasksInFlightPerUser' | 'requestsPerMinute'
const NO_LIMIT = { configured: null, set: null }

export interface ControlAsked {
  act: 'pause' | 'resume' | 'setLimits'
  integration: string
  state: IntegrationState
}

export function Control({ asked: { act, integration, state }, close }: { asked: ControlAsked; close: () => void }) {
  const { apis } = useContext(Console)
  const confirmed = (verb: string, needsReason: boolean, words: string) => html`<${Confirm}
    title=${`${verb} ${integration}`}
    verb=${verb}
    needsReason=${needsReason}
    close=${close}
    confirm=${(reason: string) => apis.control(act, integration, reason)}
  >
    <p>${words}</p>
  <//>`
  if (act === 'pause') {
    return confirmed(
      'Pause',
      true,
      'No more of its tasks are claimed: they wait as pending. What is in flight goes on.',
    )
  }
  if (act === 'resume') {
    const { paused } = state
    return confirmed(
      'Resume',
      false,
      `Its tasks are claimed again.${paused ? ` It was paused by ${paused.by}: ${paused.why}` : ''}`,
    )
  }
  const hasProvider = state.requestsPerMinute !== null
  const limit = (name: LimitName, words: string, least: number) => {
    const { configured, set } = state[name] ?? NO_LIMIT
    return html`<label>${words}
      <input type="number" name=${name} min=${least} max="1000000" step="1" defaultValue=${set ?? ''} placeholder=${configured ?? 'any number'} />
    </label>
    <p class="help">Configured: ${configured ?? 'any number'}. Empty: as configured.</p>`
  }
  const confirm = (reason: string, form: FormData) => {
    const given = (name: string) => (form.get(name) === '' ? null : Number(form.get(name)))
    return apis.control('setLimits', integration, reason, {
      maxTasksInFlight: given('maxTasksInFlight'),
      maxTasksInFlightPerUser: given('maxTasksInFlightPerUser'),
      ...(hasProvider && { requestsPerMinute: given('requestsPerMinute') }),
    })
  }
  return html`<${Confirm} title=${`Limits of ${integration}`} verb="Set limits" close=${close} confirm=${confirm}>
    ${limit('maxTasksInFlight', 'Tasks in flight', 0)} ${limit('maxTasksInFlightPerUser', 'Tasks in flight of one user', 1)}
    ${hasProvider && limit('requestsPerMinute', 'Requests to the provider per minute', 1)}
  <//>`
}
