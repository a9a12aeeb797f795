/** What an operator, or the provider's callback, may do to a run that waits for a provider; and what it tells. */
import { condition, defineQuery, defineSignal, setHandler } from '@temporalio/workflow'
import type { FailureDetails } from '../failure.js'
import type { ProviderTaskStatus } from '../provider-task.js'
import type { RunProgress } from '../runs.js'
import { attemptFailure } from './failures.js'

/** Ends the pause before the next look at the provider. */
export const triggerImmediatePoll = defineSignal('triggerImmediatePoll')
/** Gives the attempt up at the next pause. What the provider is making it goes on making. */
export const stopPolling = defineSignal<[by: string]>('stopPolling')
export const progressQuery = defineQuery<RunProgress>('progress')

export class ManualHandles {
  #hurried = false
  #stoppedBy: string | null = null
  #progress: RunProgress = { phase: 'creating', polls: 0 }

  constructor() {
    setHandler(triggerImmediatePoll, () => {
      this.#hurried = true
    })
    setHandler(stopPolling, (by) => {
      this.#stoppedBy = by
    })
    setHandler(progressQuery, () => this.#progress)
  }

  /** Keeps what the query tells up to date. */
  report(news: Partial<RunProgress>): void {
    this.#progress = { ...this.#progress, ...news }
  }

  /** Counts a look at the provider's task. */
  looked(providerStatus: ProviderTaskStatus): void {
    this.report({ polls: this.#progress.polls + 1, providerStatus })
  }

  /**
   * Waits, in milliseconds, or until somebody is in a hurry. Throws where the attempt is given up.
   *
   * @param left whether anything is left at the provider then
   */
  async pause(ms: number, left: Pick<FailureDetails, 'providerEnded'> = {}): Promise<void> {
    this.report({ nextPollAt: (Date.now() + ms) / 1000 })
    await condition(() => this.#hurried || this.#stoppedBy !== null, ms)
    this.#hurried = false
    if (this.#stoppedBy === null) return
    const message = `${this.#stoppedBy} stopped the polling: what the provider is making, a retry takes up again`
    throw attemptFailure({ code: 'polling_stopped', message, retryable: false, ...left })
  }
}
