/** What may be said of a create that has failed: whether anything may have been made, and charged for. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity'
import { unlessAborted, withTimeout } from '../../lib/abort.js'
import type { FailureDetails } from '../../protocol/failure-details.js'
import { ProviderError } from '../provider/errors.js'
import type { WatchedHttp } from '../provider/http.js'

/**
 * Makes an error ambiguous if it is unknown whether anything was created. Otherwise an unexpected error, or a "not now"
 * after something was accepted, would cause a second create, which is a duplicate charge.
 */
export async function spending<T>(http: Pick<WatchedHttp, 'hasSpent'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const kind = error instanceof ProviderError ? error.kind : failureDetails(error)?.kind
    if (saysItself(error) && !(kind === 'unavailable' && http.hasSpent)) throw error
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof ProviderError ? error.code : 'create_failed'
    throw new ProviderError(message, { code, kind: 'ambiguous', cause: error })
  }
}

/** Whether an error says what happened to the request. */
function saysItself(error: unknown): boolean {
  return [ProviderError, ApplicationFailure, CancelledFailure].some((known) => error instanceof known)
}

function failureDetails(error: unknown): FailureDetails | undefined {
  return error instanceof ApplicationFailure ? (error.details?.[0] as FailureDetails | undefined) : undefined
}

/** If this fails or takes too long, nothing was created. A cancellation of the run stays a cancellation. */
export async function beforeSending<T>(
  timeoutMs: number,
  signal: AbortSignal,
  prepare: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withTimeout(timeoutMs, [signal], (soon) => unlessAborted(prepare(soon), soon))
  } catch (error) {
    if (saysItself(error)) throw error
    const message = `The request could not be made ready: ${error instanceof Error ? error.message : error}`
    throw new ProviderError(message, { code: 'preparation_failed', kind: 'unavailable' })
  }
}
