/** Checks an attempt's run in Temporal, and derives a verdict. */
import { ValueError, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client'
import { z } from 'zod'
import type { AttemptOutcome } from '../protocol/attempt.js'
import { MAX_ERROR_MESSAGE_LENGTH } from '../protocol/limits.js'
import type { TaskError, Verdict } from '../protocol/messages.js'
import { attemptOutcomeSchema, outcomeInFailure, RUN_CANCELLED } from '../protocol/run-outcome.js'
import type { BoundedTemporal } from './bounded-temporal.js'
import { describeError } from './errors.js'

/** The report of a closed run; the reporter adds the attempt. */
export type RunVerdict =
  | Omit<Extract<Verdict, { status: 'completed' }>, 'attempt' | 'fencingToken'>
  | Omit<Extract<Verdict, { status: 'failed' }>, 'attempt' | 'fencingToken'>

export type RunView =
  | { state: 'running' }
  | { state: 'closed'; verdict: RunVerdict }
  | { state: 'none' }
  /** Temporal did not answer, or has no such namespace: nothing may be concluded. */
  | { state: 'unknown'; cause: unknown }

const UNSUCCESSFUL = {
  FAILED: { code: 'workflow_failed', message: 'The workflow failed' },
  TERMINATED: { code: 'workflow_terminated', message: 'The workflow was terminated' },
  TIMED_OUT: { code: 'workflow_timed_out', message: 'The workflow timed out' },
} as const

export class RunInspector {
  constructor(private readonly temporal: BoundedTemporal) {}

  /**
   * Finds out what happened to an attempt's workflow. Never throws: "unknown" is an answer.
   *
   * @param knownRunId the run that began the attempt, if main knows it. A different run under the same id (the first
   *   one's retention may be over) is not it: main does not let it begin.
   */
  async inspect(workflowId: string, knownRunId: string | undefined, signal: AbortSignal): Promise<RunView> {
    try {
      const description = await this.temporal.call(signal, (client) => client.workflow.getHandle(workflowId).describe())
      const runId = description.raw.workflowExecutionInfo?.firstRunId || description.runId
      if (knownRunId !== undefined && runId !== knownRunId) return { state: 'none' }
      const status = description.status.name
      if (status === 'CANCELLED')
        return { state: 'closed', verdict: { status: 'failed', ...RUN_CANCELLED, seenRunId: runId } }
      if (status === 'COMPLETED') return await this.#outcome(workflowId, runId, signal)
      if (isUnsuccessful(status)) return await this.#failure(workflowId, runId, status, signal)
      return { state: 'running' }
    } catch (cause) {
      // A missing namespace has its own error class, so this is not one.
      if (cause instanceof WorkflowNotFoundError) return { state: 'none' }
      return { state: 'unknown', cause }
    }
  }

  async #outcome(workflowId: string, runId: string, signal: AbortSignal): Promise<RunView> {
    let returned: unknown
    try {
      returned = await this.temporal.call(signal, (client) => client.workflow.getHandle(workflowId).result())
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return invalidOutcome(`what cannot be read: ${describeError(error)}`, runId)
    }
    const parsed = attemptOutcomeSchema.safeParse(returned)
    if (!parsed.success) {
      return invalidOutcome(`something other than an attempt's outcome: ${z.prettifyError(parsed.error)}`, runId)
    }
    return verdictOf(parsed.data, runId)
  }

  async #failure(
    workflowId: string,
    runId: string,
    status: keyof typeof UNSUCCESSFUL,
    signal: AbortSignal,
  ): Promise<RunView> {
    const { code, message } = UNSUCCESSFUL[status]
    try {
      await this.temporal.call(signal, (client) => client.workflow.getHandle(workflowId).result())
    } catch (error) {
      if (!(error instanceof WorkflowFailedError || isUnreadable(error))) return { state: 'unknown', cause: error }
      const outcome = outcomeInFailure(error.cause)
      if (outcome) return verdictOf(outcome, runId)
      return failed({ code, message: `${message}: ${describeError(error.cause ?? error)}` }, runId, true)
    }
    return { state: 'unknown', cause: new Error(`Workflow ${workflowId} was ${status} and now has a result`) }
  }
}

function verdictOf(outcome: AttemptOutcome, runId: string): RunView {
  if (outcome.outcome === 'refused') {
    const message = `Main did not let the run go on: ${outcome.reason}`
    return failed({ code: 'run_refused', message }, runId, true)
  }
  if (outcome.outcome === 'completed') {
    const { result, usage } = outcome
    return { state: 'closed', verdict: { status: 'completed', result, ...(usage && { usage }) } }
  }
  const { outcome: status, attempt: _, ...failure } = outcome
  return { state: 'closed', verdict: { status, ...failure, seenRunId: runId } }
}

/** The verdict on a run that had begun, and that Temporal no longer knows. */
export function lostRun(runId: string | undefined): RunVerdict {
  const message = 'The workflow of this attempt began, and Temporal does not know it any more'
  const error = { code: 'workflow_lost', message }
  return { status: 'failed', error, retryable: true, ...(runId !== undefined && { seenRunId: runId }) }
}

/** Temporal answered, but its data cannot be read: payloads of another encoding, or corrupt ones. */
function isUnreadable(error: unknown): error is ValueError | SyntaxError {
  return error instanceof ValueError || error instanceof SyntaxError
}

/** It ran to its end and may have spent money: only a person may decide to run it again. */
function invalidOutcome(returned: string, runId: string): RunView {
  return failed({ code: 'workflow_outcome_invalid', message: `The workflow returned ${returned}` }, runId, false)
}

function isUnsuccessful(status: string): status is keyof typeof UNSUCCESSFUL {
  return status in UNSUCCESSFUL
}

function failed({ code, message }: TaskError, seenRunId: string, retryable: boolean): RunView {
  const error = { code, message: message.slice(0, MAX_ERROR_MESSAGE_LENGTH) }
  return { state: 'closed', verdict: { status: 'failed', error, retryable, seenRunId } }
}
