/** Ark's callbacks: a POST of the task, as a GET shows it, at each change of its status. Not signed. */
import { withTimeout } from '../../../lib/abort.js'
import { nextChange, statusAt, type Task, type TaskStatus } from './task.js'

const CALLBACK_TIMEOUT_MS = 5000

export interface CallbackOptions {
  now: () => number
  pause: (ms: number) => Promise<void>
  stopped: () => AbortSignal
}

export class Callbacks {
  readonly #told = new WeakMap<Task, TaskStatus>()

  constructor(private readonly options: CallbackOptions) {}

  /** Posts each later change to the task's `callback_url`, until the task has ended or the simulator stops. */
  async follow(task: Task, describe: () => object): Promise<void> {
    if (task.request.callback_url === undefined) return
    const { now, pause, stopped } = this.options
    const stop = stopped()
    this.#told.set(task, 'queued')
    for (let next = nextChange(task, now()); next !== undefined; next = nextChange(task, now())) {
      await pause(Math.max(1, next - now()))
      if (stop.aborted) return
      await this.announce(task, describe)
    }
    // The last change may have happened while another one was being posted.
    await this.announce(task, describe)
  }

  /** Posts the task's current status, unless it was posted before. */
  async announce(task: Task, describe: () => object): Promise<void> {
    const { callback_url: url } = task.request
    const status = statusAt(task, this.options.now())
    if (url === undefined || this.#told.get(task) === status) return
    this.#told.set(task, status)
    const body = JSON.stringify(describe())
    const headers = { 'content-type': 'application/json' }
    // One try only: a callback is a hint, and whoever misses it has to poll.
    await withTimeout(CALLBACK_TIMEOUT_MS, [this.options.stopped()], async (signal) => {
      const response = await fetch(url, { method: 'POST', headers, body, signal })
      await response.body?.cancel()
    }).catch(() => {})
  }
}
