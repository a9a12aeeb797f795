/**
 * The details of an `ApplicationFailure`: how a failure travels from an activity to its workflow, and on to main. Types
 * only: workflow code imports this file.
 */
import type { Failure, Units } from './messages.js'

/**
 * What a failed request to a provider leaves behind.
 * - `refused`: nothing was created, and the same request will be refused again
 * - `unavailable`: nothing was created, or nothing was to be; a retry may succeed later
 * - `ended`: it was executed but failed, and nothing is left of it; another attempt may succeed
 * - `ambiguous`: something may have been created, and charged for
 */
export type FailureKind = 'refused' | 'unavailable' | 'ended' | 'ambiguous'

export interface FailureDetails extends Pick<Failure, 'retryAfterSeconds' | 'providerEnded'> {
  kind?: FailureKind
  /** What it used all the same, where the provider's answer tells. */
  units?: Units | undefined
}
