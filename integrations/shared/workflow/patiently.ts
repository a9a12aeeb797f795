import { sleep } from '@temporalio/workflow'
import { attemptFailure, describeFailure, failureKind } from './failures.js'

const MAX_PAUSE_SECONDS = 60

/**
 * Calls an activity that has the provider create something, again and again while the provider says "not now":
 * after the pause that it asks for, else after a growing one. Any other failure is thrown as it is. The activity
 * itself must not be retried by Temporal, which cannot tell "not now" from an answer that was lost.
 *
 * @param deadline unix milliseconds; past it the attempt fails, retryable, with nothing left at the provider
 */
export async function patiently<T>(deadline: number, call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (failureKind(error) !== 'unavailable') throw error
      const { error: said, retryAfterSeconds } = describeFailure(error)
      const pauseSeconds = retryAfterSeconds ?? Math.min(MAX_PAUSE_SECONDS, 2 ** tries) * (0.5 + Math.random() / 2)
      if (Date.now() + pauseSeconds * 1000 > deadline) {
        throw attemptFailure({
          ...said,
          retryable: true,
          providerEnded: true,
          ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
        })
      }
      await sleep(pauseSeconds * 1000)
    }
  }
}
