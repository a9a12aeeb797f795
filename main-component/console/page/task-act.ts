/** Retries one task, cancels it, or lets it through, once somebody agreed. */
import { html } from 'htm/preact'
import { useContext } from 'preact/hooks'
import type { Task } from './answers.js'
import { Console } from './context.js'
import { Confirm } from './dialog.js'
import { ANSWER_LOST, payTwice } from './words.js'

export type ActAsked = 'retry' | 'cancel' | 'letThrough'

export function mayRetry({ status }: Task): boolean {
  return status === 'failed'
}

/** What is failed may be cancelled as long as it is tried again. */
export function mayCancel({ status, dueAt }: Task): boolean {
  return status === 'failed' ? dueAt !== null : status !== 'completed' && status !== 'cancelled'
}

/** Whether it waits for a budget alone. */
export function isOverBudget({ waitingFor, letThrough }: Task): boolean {
  return !letThrough && (waitingFor?.code === 'over_budget' || waitingFor?.code === 'user_over_budget')
}

export function TaskAct({ act, task, close }: { act: ActAsked; task: Task; close: () => void }) {
  const { apis } = useContext(Console)
  const { integration, taskId } = task
  if (act !== 'retry') {
    const isCancel = act === 'cancel'
    return html`<${Confirm}
      title=${isCancel ? 'Cancel the task' : 'Let the task through'}
      verb=${isCancel ? 'Cancel the task' : 'Let it through'}
      isGrave=${isCancel}
      needsReason=${!isCancel}
      close=${close}
      confirm=${(reason: string) => apis.one(isCancel ? 'cancelTask' : act, integration, taskId, reason)}
    >
      <p>${
        isCancel
          ? 'Its run is cancelled too. That cannot be undone; the provider may charge for what it has begun.'
          : 'It may begin though the budget is used up. What it costs is charged, and counts.'
      }</p>
    <//>`
  }
  const confirm = (reason: string, form: FormData) =>
    apis.one('retryTask', integration, taskId, reason, { extraAttempts: Number(form.get('extraAttempts')) })
  return html`<${Confirm} title="Retry the task" verb="Retry" close=${close} confirm=${confirm}>
    <p>It is tried again now. Each attempt may cost what the provider charges.</p>
    ${task.error?.code === ANSWER_LOST && html`<p class="notice held">${payTwice(1)}</p>`}
    <label>Attempts that it has left at least
      <input type="number" name="extraAttempts" min="1" max="100" step="1" defaultValue="1" required />
    </label>
  <//>`
}
