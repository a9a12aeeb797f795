/** The outcome of an attempt's run, however Temporal shows it. */
import { WorkflowFailedError, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import { CancelledFailure } from '@temporalio/common'
import type { AttemptInput, AttemptOutcome } from '../protocol/attempt.js'
import { outcomeInFailure, RUN_CANCELLED } from '../protocol/run-outcome.js'

type Handle<Result> = WorkflowHandleWithFirstExecutionRunId<(input: AttemptInput) => Promise<AttemptOutcome<Result>>>

/** Has `result` give the outcome of a run that failed or was cancelled, too. Anything else it throws. */
export function withOutcome<Result>(handle: Handle<Result>, attempt: number): Handle<Result> {
  const result = () =>
    handle.result().catch((error: unknown): AttemptOutcome<never> => {
      const cause = error instanceof WorkflowFailedError ? error.cause : undefined
      if (cause instanceof CancelledFailure) return { outcome: 'failed', attempt, ...RUN_CANCELLED }
      const outcome = outcomeInFailure(cause)
      if (outcome) return outcome
      throw error
    })
  return { ...handle, result }
}
