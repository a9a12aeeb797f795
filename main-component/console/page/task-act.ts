/** Retries or cancels one task, once somebody agreed. */
import { html } from 'htm/preact'
import { useContext } from 'preact/hooks'
import type { Task } from './answers.js'
import { Console } from './context.js'
import { Confirm } from './dialog.js'

export type ActAsked = 'retry' | 'cancel'

export function mayRetry({ status }: Task): boolean {
  return status === 'failed'
}

/** What is failed may be cancelled as long as it is tried again. */
export function mayCancel({ status, dueAt }: Task): boolean {
  return status === 'failed' ? dueAt !== null : status !== 'completed' && status !== 'cancelled'
}

export function TaskAct({ act, task, close }: { act: ActAsked; task: Task; close: () => void }) {
  const { apis } = useContext(Console)
  const { integration, taskId } = task
  if (act === 'cancel') {
    return html`<${Confirm}
      title="Cancel the task"
      verb="Cancel the task"
      isGrave
      close=${close}
      confirm=${(reason: string) => apis.one('cancelTask', integration, taskId, reason)}
    >
      <p>Its run is cancelled too. That cannot be undone; the provider may charge for what it has begun.</p>
    <//>`
  }
  const confirm = (reason: string, form: FormData) =>
    apis.one('retryTask', integration, taskId, reason, { extraAttempts: Number(form.get('extraAttempts')) })
  return html`<${Confirm} title="Retry the task" verb="Retry" close=${close} confirm=${confirm}>
    <p>It is tried again now. Each attempt may cost what the provider charges.</p>
    <label>Attempts that it has left at least
      <input type="number" name="extraAttempts" min="1" max="100" step="1" defaultValue="1" required />
    </label>
  <//>`
}
