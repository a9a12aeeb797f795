import { CancellationScope, CancelledFailure, isCancellation, sleep } from '@temporalio/workflow'
import { attemptFailure, describeFailure, failureKind } from './failures.js'

const MAX_BACKOFF_SECONDS = 60
/** Long jobs are looked at less and less often, so that a run's history stays short. */
const PAUSE_SHARE_OF_ELAPSED = 0.05

/** How an attempt waits for a provider: durably, and not past its deadline. */
export class Patience {
  readonly #startedAt = Date.now()
  readonly #deadline: number

  constructor(readonly deadlineSeconds: number) {
    this.#deadline = this.#startedAt + deadlineSeconds * 1000
  }

  /**
   * Calls an activity that has the provider create something, again and again while the provider says "not now":
   * after the pause that it asks for, else after a growing one. Any other failure is thrown as it is. The activity
   * itself must not be retried by Temporal, which cannot tell "not now" from an answer that was lost. Past the
   * deadline the attempt fails with the provider's words, retryable, with nothing left at the provider.
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
        const pauseMs = (retryAfterSeconds ?? backoff) * 1000
        if (Date.now() + pauseMs > this.#deadline) {
          throw attemptFailure({
            ...said,
            retryable: true,
            providerEnded: true,
            ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
          })
        }
        await sleep(pauseMs)
      }
    }
  }

  /** Calls an activity that only reads until it is answered: a failure to look says nothing about what is there. */
  async untilAnswered<T>(pauseSeconds: number, read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (isCancellation(error)) throw error
        await this.pause(Math.max(pauseSeconds, describeFailure(error).retryAfterSeconds ?? 0))
      }
    }
  }

  /** Waits before the next look. Fails the attempt if the deadline comes first; the provider's task may go on. */
  async pause(seconds: number): Promise<void> {
    const ms = Math.max(seconds * 1000, (Date.now() - this.#startedAt) * PAUSE_SHARE_OF_ELAPSED)
    if (Date.now() + ms > this.#deadline) {
      const message = `Not finished within ${this.deadlineSeconds} s`
      throw attemptFailure({ code: 'deadline_exceeded', message, retryable: true })
    }
    await sleep(ms)
  }
}

/** Keeps a run that was cancelled meanwhile from spending money in a scope that cannot be cancelled. */
function throwIfCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled')
}
