/** What an operator, or the provider's callback, may do to a run that waits for a provider; and what it tells. */
import { condition, defineQuery, defineSignal, setHandler } from '@temporalio/workflow'
import type { FailureDetails } from '../../protocol/failure-details.js'
import type { RunProgress } from '../../protocol/run-handles.js'
import { attemptFailure } from './failures.js'
import type { ProviderTaskStatus } from './polled-task.js'

/** Ends the pause before the next look at the provider. */
export const triggerImmediatePoll = defineSignal('triggerImmediatePoll')
/**
 * The provider has told that its task has moved on. It ends a pause too, but no sooner than a poll's interval after
 * the last look: whoever has the callback's address may send it as often as they like.
 */
export const providerHint = defineSignal('providerHint')
/** Gives the attempt up at the next pause. What the provider is making it goes on making. */
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
   * @param hintAfterMs how soon a hint of the provider's may end it. Default: not at all
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
    // The look to come is later than the hint.
    if (hintAfterMs !== undefined) this.#hinted = false
    this.#hurried = false
    if (this.#stoppedBy === null) return
    const message = `${this.#stoppedBy} stopped the polling: what the provider is making, a retry takes up again`
    throw attemptFailure({ code: 'polling_stopped', message, retryable: false, ...left })
  }
}
