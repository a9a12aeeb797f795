/** The signals that an operator or the provider's callback may send to a waiting run, and the query that it answers. */
import { condition, defineQuery, defineSignal, setHandler } from '@temporalio/workflow'
import type { FailureDetails } from '../../protocol/failure-details.js'
import type { RunProgress } from '../../protocol/run-handles.js'
import { attemptFailure } from './failures.js'
import type { ProviderTaskStatus } from './polled-task.js'

/** Ends the pause before the next poll. */
export const triggerImmediatePoll = defineSignal('triggerImmediatePoll')
/**
 * The provider's hint that its task has moved on. It ends a pause too, but not before a poll interval has passed since
 * the last poll: whoever knows the callback's address may send it as often as they like.
 */
export const providerHint = defineSignal('providerHint')
/** Gives the attempt up at the next pause. The provider's task continues. */
export const stopPolling = defineSignal<[by: string]>('stopPolling')
export const progressQuery = defineQuery<RunProgress>('progress')

export class ManualHandles {
  #hurried = false
  #hinted = false
  #stoppedBy: string | null = null
  #progress: RunProgress = { phase: 'creating', polls: 0 }

  constructor() {
    setHandler(triggerImmediatePoll, () => {
      this.#hurried = true
    })
    setHandler(providerHint, () => {
      this.#hinted = true
    })
    setHandler(stopPolling, (by) => {
      this.#stoppedBy = by
    })
    setHandler(progressQuery, () => this.#progress)
  }

  /** Updates the query's answer. */
  report(news: Partial<RunProgress>): void {
    this.#progress = { ...this.#progress, ...news }
  }

  /** Counts a poll of the provider's task. */
  looked(providerStatus: ProviderTaskStatus): void {
    this.report({ polls: this.#progress.polls + 1, providerStatus })
  }

  /**
   * Waits for so many milliseconds, or until a signal ends the pause. Throws if the attempt is given up.
   *
   * @param left whether anything is left at the provider then
   * @param hintAfterMs when a provider's hint may end the pause at the earliest. Default: never
   */
  async pause(ms: number, left: Pick<FailureDetails, 'providerEnded'> = {}, hintAfterMs?: number): Promise<void> {
    const startedAt = Date.now()
    this.report({ nextPollAt: (startedAt + ms) / 1000 })
    const isOver = () => this.#hurried || this.#stoppedBy !== null
    const soonest = startedAt + Math.min(hintAfterMs ?? ms, ms)
    const isHinted = () => hintAfterMs !== undefined && this.#hinted
    if ((await condition(() => isOver() || isHinted(), ms)) && !isOver() && Date.now() < soonest) {
      this.report({ nextPollAt: soonest / 1000 })
      await condition(isOver, soonest - Date.now())
    }
    // The next poll comes after the hint.
    if (hintAfterMs !== undefined) this.#hinted = false
    this.#hurried = false
    if (this.#stoppedBy === null) return
    const message = `${this.#stoppedBy} stopped the polling: what the provider is making, a retry takes up again`
    throw attemptFailure({ code: 'polling_stopped', message, retryable: false, ...left })
  }
}
