/** Ark's callbacks: a POST of the task, as a GET shows it, at each change of its status. Not signed. */
import { withTimeout } from '../../integrations/shared/following-signal.js'
import { nextChange, statusAt, type Task, type TaskStatus } from './task.js'

const CALLBACK_TIMEOUT_MS = 5000

export interface CallbackOptions {
  now: () => number
  pause: (ms: number) => Promise<void>
  stopped: () => AbortSignal
}

/** Tells a task's `callback_url` of each change from now on, until the task has ended or the simulator stops. */
export async function sendCallbacks(
  task: Task,
  describe: () => object,
  { now, pause, stopped }: CallbackOptions,
): Promise<void> {
  const { callback_url: url } = task.request
  if (url === undefined) return
  const stop = stopped()
  let told: TaskStatus = 'queued'
  for (let next = nextChange(task, now()); next !== undefined; next = nextChange(task, now())) {
    await pause(Math.max(1, next - now()))
    if (stop.aborted) return
    const status = statusAt(task, now())
    if (status === told) continue
    told = status
    await tell(url, describe(), stop)
  }
  // One that was cancelled by its owner ends before its time.
  if (!stop.aborted && statusAt(task, now()) !== told) await tell(url, describe(), stop)
}

/** One try: a callback is a hint, and whoever misses it has to ask. */
async function tell(url: string, task: object, stop: AbortSignal): Promise<void> {
  const body = JSON.stringify(task)
  const headers = { 'content-type': 'application/json' }
  await withTimeout(CALLBACK_TIMEOUT_MS, [stop], async (signal) => {
    const response = await fetch(url, { method: 'POST', headers, body, signal })
    await response.body?.cancel()
  }).catch(() => {})
}
