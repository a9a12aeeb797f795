import { CancellationScope, CancelledFailure, continueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow'
import { type Backoff, backoff, UPPER_HALF } from '../../lib/backoff.js'
import type { AttemptInput, Continued } from '../../protocol/attempt.js'
import type { FailureDetails } from '../../protocol/failure-details.js'
import { attemptFailure, describeFailure, failureKind } from './failures.js'
import { ManualHandles } from './manual-handles.js'
import type { TellsOfWaiting } from './run-attempt.js'

/** Pause, in seconds, before a create that the provider did not accept is tried again. */
const REFUSED: Backoff = { first: 2, max: 60, jitter: UPPER_HALF }
/** The longest pause, in seconds, while polls fail. */
const MAX_UNANSWERED = 60
export const DEADLINE_EXCEEDED = 'deadline_exceeded'

/**
 * How an attempt waits for a provider: durably, until its deadline, open to its manual handles, and with a short
 * history. After a pause it may continue as new, if Temporal suggests so: the next run gets the noted values, and must
 * reach the same pause again.
 */
export class Patience {
  readonly handles = new ManualHandles()
  readonly #scope = CancellationScope.current()
  readonly #deadline: number
  #continued: Continued

  /** @param run reports what the attempt waits for */
  constructor(
    private readonly run: TellsOfWaiting,
    private readonly input: AttemptInput,
    readonly deadlineSeconds: number,
  ) {
    this.#continued = { ...input.continued, since: input.continued?.since ?? Date.now() }
    this.#deadline = this.#continued.since + deadlineSeconds * 1000
    this.handles.report({ deadlineAt: this.#deadline / 1000 })
  }

  /** The values that the next run would get now; or that this run got, if it continues an earlier one. */
  get continued(): Readonly<Continued> {
    return this.#continued
  }

  /** Notes a value for the next run; undefined removes it. */
  remember(news: { [Note in keyof Omit<Continued, 'since'>]: Continued[Note] | undefined }): void {
    const notes = Object.entries({ ...this.#continued, ...news }).filter(([, note]) => note !== undefined)
    this.#continued = { since: this.#continued.since, ...Object.fromEntries(notes) }
  }

  /** Milliseconds since the attempt's start. */
  get elapsedMs(): number {
    return Date.now() - this.#continued.since
  }

  /**
   * Calls an activity that has the provider create something, and repeats it while the provider says "not now": after a
   * growing pause, or the one that the provider asks for, if that is longer. Any other failure is thrown unchanged.
   * Temporal must not retry the activity itself, because it cannot tell "not now" from a lost answer. Past the deadline
   * the attempt fails with the provider's message, retryable. Then, and if an operator gives it up, nothing is left at
   * the provider.
   */
  async whileUnavailable<T>(create: () => Promise<T>): Promise<T> {
    for (let tries = (this.#continued.refusals ?? 0) + 1; ; tries++) {
      throwIfCancelled()
      try {
        return await create()
      } catch (error) {
        if (failureKind(error) !== 'unavailable') throw error
        const { error: said, retryAfterSeconds } = describeFailure(error)
        const pauseMs = Math.max(backoff(REFUSED, tries), retryAfterSeconds ?? 0) * 1000
        if (Date.now() + pauseMs > this.#deadline) {
          throw attemptFailure({ ...said, retryable: true, providerEnded: true, retryAfterSeconds })
        }
        await this.run.reportWaiting(said, pauseMs / 1000)
        this.remember({ refusals: tries })
        await this.#pause(pauseMs, { providerEnded: true })
        this.remember({ refusals: undefined })
      }
    }
  }

  /**
   * Calls an activity that only reads, until it succeeds: a failed read says nothing about the task.
   *
   * @param pauseSeconds the pause after the first failure; it grows with each
   * @param read gets the number of milliseconds that are left for it
   */
  async untilAnswered<T>(pauseSeconds: number, read: (leftMs: number) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await read(Math.max(1, this.#deadline - Date.now()))
        await this.run.reportResumed()
        return answer
      } catch (error) {
        if (isCancellation(error)) throw error
        const { error: said, retryAfterSeconds = 0 } = describeFailure(error)
        const growing = { first: pauseSeconds, max: Math.max(pauseSeconds, MAX_UNANSWERED) }
        const seconds = Math.max(backoff(growing, tries), retryAfterSeconds)
        await this.run.reportWaiting(said, seconds)
        await this.pause(seconds)
      }
    }
  }

  /**
   * Waits before the next poll. Fails the attempt if the deadline comes first; the provider's task may continue.
   *
   * @param hintAfterSeconds when a provider's hint may end the pause at the earliest. Default: never
   */
  async pause(seconds: number, hintAfterSeconds?: number): Promise<void> {
    const leftMs = this.#deadline - Date.now()
    const hintAfterMs = hintAfterSeconds === undefined ? undefined : hintAfterSeconds * 1000
    if (leftMs > 0) await this.#pause(Math.min(seconds * 1000, leftMs), {}, hintAfterMs)
    if (Date.now() < this.#deadline) return
    const message = `Not finished within ${this.deadlineSeconds} s`
    throw attemptFailure({ code: DEADLINE_EXCEEDED, message, retryable: true })
  }

  async #pause(ms: number, left: Pick<FailureDetails, 'providerEnded'> = {}, hintAfterMs?: number): Promise<void> {
    await this.handles.pause(ms, left, hintAfterMs)
    // A cancelled run looks up what it has to cancel: the next run would not know that it was cancelled.
    if (!workflowInfo().continueAsNewSuggested || this.#scope.consideredCancelled) return
    await continueAsNew({ ...this.input, continued: this.#continued })
  }
}

/** Keeps a run that has been cancelled from spending money in a non-cancellable scope. */
function throwIfCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled')
}
