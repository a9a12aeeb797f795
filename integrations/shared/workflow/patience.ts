import { CancellationScope, CancelledFailure, isCancellation } from '@temporalio/workflow'
import { attemptFailure, describeFailure, failureKind } from './failures.js'
import { ManualHandles } from './manual-handles.js'

const MAX_BACKOFF_SECONDS = 60
export const DEADLINE_EXCEEDED = 'deadline_exceeded'

/** How an attempt waits for a provider: durably, not past its deadline, and open to its manual handles. */
export class Patience {
  readonly handles = new ManualHandles()
  readonly #deadline: number

  /** @param startedAt unix milliseconds: a run that continued as new goes on with the time that was left */
  constructor(
    readonly deadlineSeconds: number,
    readonly startedAt = Date.now(),
  ) {
    this.#deadline = startedAt + deadlineSeconds * 1000
    this.handles.report({ deadlineAt: this.#deadline / 1000 })
  }

  /** Milliseconds since the attempt's start. */
  get elapsedMs(): number {
    return Date.now() - this.startedAt
  }

  /**
   * Calls an activity that has the provider create something, again and again while the provider says "not now":
   * after a growing pause, or the one that it asks for where that is longer. Any other failure is thrown as it is. The activity
   * itself must not be retried by Temporal, which cannot tell "not now" from an answer that was lost. Past the
   * deadline the attempt fails with the provider's words, retryable. Then, and where an operator gives it up, nothing
   * is left at the provider.
   */
  async whileUnavailable<T>(create: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      throwIfCancelled()
      try {
        return await create()
      } catch (error) {
        if (failureKind(error) !== 'unavailable') throw error
        const { error: said, retryAfterSeconds } = describeFailure(error)
        const backoff = Math.min(MAX_BACKOFF_SECONDS, 2 ** tries) * (0.5 + Math.random() / 2)
        const pauseMs = Math.max(backoff, retryAfterSeconds ?? 0) * 1000
        if (Date.now() + pauseMs > this.#deadline) {
          throw attemptFailure({
            ...said,
            retryable: true,
            providerEnded: true,
            ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
          })
        }
        await this.handles.pause(pauseMs, { providerEnded: true })
      }
    }
  }

  /**
   * Calls an activity that only reads until it is answered: a failure to look says nothing about what is there.
   *
   * @param pauseSeconds the pause after the first failure; it grows with each
   * @param read is told how many milliseconds are left for it
   */
  async untilAnswered<T>(pauseSeconds: number, read: (leftMs: number) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await read(Math.max(1, this.#deadline - Date.now()))
      } catch (error) {
        if (isCancellation(error)) throw error
        const backoff = Math.min(Math.max(pauseSeconds, MAX_BACKOFF_SECONDS), pauseSeconds * 2 ** (tries - 1))
        await this.pause(Math.max(backoff, describeFailure(error).retryAfterSeconds ?? 0))
      }
    }
  }

  /** Waits before the next look. Fails the attempt if the deadline comes first; the provider's task may go on. */
  async pause(seconds: number): Promise<void> {
    const leftMs = this.#deadline - Date.now()
    if (leftMs > 0) await this.handles.pause(Math.min(seconds * 1000, leftMs))
    if (Date.now() < this.#deadline) return
    const message = `Not finished within ${this.deadlineSeconds} s`
    throw attemptFailure({ code: DEADLINE_EXCEEDED, message, retryable: true })
  }
}

/** Whether it was the attempt's deadline that ended it. */
export function isDeadlineExceeded(error: unknown): boolean {
  return describeFailure(error).error.code === DEADLINE_EXCEEDED
}

/** Keeps a run that was cancelled meanwhile from spending money in a scope that cannot be cancelled. */
function throwIfCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled')
}
