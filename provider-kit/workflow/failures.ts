/** Reads and creates the failures of an attempt, inside a workflow. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow'
import type { Unsuccessful } from '../../protocol/attempt.js'
import type { FailureDetails, FailureKind } from '../../protocol/failure-details.js'
import { DAY_SECONDS, MAX_ERROR_CODE_LENGTH, MAX_ERROR_MESSAGE_LENGTH } from '../../protocol/limits.js'
import type { Failure, Usage } from '../../protocol/messages.js'
import type { TaskStatus } from '../../protocol/types.js'

const REFUSED_BY_MAIN = 'refused_by_main'
const CANCELLED = 'cancelled'

/** An error that ends the attempt; `runAttempt` reports it. */
export function attemptFailure(
  failure: { code: string; message: string; retryable: boolean } & FailureDetails,
): ApplicationFailure {
  const { code, message, retryable, ...details } = failure
  return ApplicationFailure.create({ type: code, message, nonRetryable: !retryable, details: [details] })
}

/**
 * Ends the run as Temporal is to show it. It holds the outcome, for who looks at the run.
 *
 * @param isCancelled whether the run was cancelled in Temporal: then it is shown so, if that ended it
 */
export function endAsFailed(outcome: Unsuccessful, isCancelled: boolean): ApplicationFailure | CancelledFailure {
  if (outcome.outcome === 'refused') return ApplicationFailure.nonRetryable(outcome.reason, REFUSED_BY_MAIN, outcome)
  const { code, message } = outcome.error
  if (isCancelled && code === CANCELLED) return new CancelledFailure(message)
  return ApplicationFailure.nonRetryable(message, code, outcome)
}

/** Main has refused this run: it ends, and reports nothing. */
export function refusedByMain(reason: string, taskStatus?: TaskStatus): ApplicationFailure {
  return ApplicationFailure.nonRetryable(reason, REFUSED_BY_MAIN, { taskStatus })
}

/** Whether the task's result is not wanted any more. A run may also be refused because another replaced it. */
export function isTaskCancelled(error: unknown): boolean {
  const details = isRefusedByMain(error) ? (error.details?.[0] as { taskStatus?: TaskStatus } | undefined) : undefined
  return details?.taskStatus === 'cancelled'
}

export function isRefusedByMain(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type === REFUSED_BY_MAIN
}

/** What an activity's failure left at the provider; undefined if the failure does not say. */
export function failureKind(error: unknown): FailureKind | undefined {
  const cause = rootCause(error)
  // The worker died or was disconnected during the activity.
  if (cause instanceof TimeoutFailure) return 'ambiguous'
  if (isNotRegistered(cause)) return 'unavailable'
  return detailsOf(cause).kind
}

/** What a failure says of the create of its attempt: what it used, or that it may have been made. */
export function usageIn(error: unknown): Omit<Usage[number], 'attempt'> | undefined {
  const { kind, units } = detailsOf(rootCause(error))
  if (units) return { units }
  return kind === 'ambiguous' ? {} : undefined
}

/** A worker of another release does not have the activity: it did nothing, and another worker will run it. */
function isNotRegistered(cause: unknown): boolean {
  return (
    cause instanceof ApplicationFailure &&
    cause.type === 'NotFoundError' &&
    cause.message.includes('is not registered on this Worker')
  )
}

/** How an error is reported to main. */
export function describeFailure(error: unknown): Failure {
  if (isCancellation(error)) {
    return { error: { code: CANCELLED, message: 'The run was cancelled' }, retryable: false }
  }
  const cause = rootCause(error)
  const { retryAfterSeconds, providerEnded } = detailsOf(cause)
  return {
    error: {
      code: codeOf(cause).slice(0, MAX_ERROR_CODE_LENGTH),
      message: (cause instanceof Error ? cause.message : String(cause)).slice(0, MAX_ERROR_MESSAGE_LENGTH),
    },
    retryable: !(cause instanceof ApplicationFailure && cause.nonRetryable),
    ...(retryAfterSeconds !== undefined && {
      retryAfterSeconds: Math.min(retryAfterSeconds, DAY_SECONDS),
    }),
    ...(providerEnded !== undefined && { providerEnded }),
  }
}

function codeOf(cause: unknown): string {
  if (cause instanceof ApplicationFailure) return cause.type || 'error'
  if (cause instanceof TimeoutFailure) return 'activity_timeout'
  return cause instanceof Error ? cause.name : 'error'
}

function rootCause(error: unknown): unknown {
  return error instanceof ActivityFailure && !(error.cause instanceof CancelledFailure) ? error.cause : error
}

function detailsOf(cause: unknown): FailureDetails {
  const details = cause instanceof ApplicationFailure ? cause.details?.[0] : undefined
  return details !== null && typeof details === 'object' ? (details as FailureDetails) : {}
}
