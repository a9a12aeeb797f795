/** Errors between the daemon, main and Temporal. Each says whether a retry may help. */
import type { RefusalReason } from '../protocol/types.js'
import type { TaskStatus } from './types.js'

abstract class AsyncTaskError extends Error {
  abstract readonly code: string
  abstract readonly retryable: boolean

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Main gave no valid answer: unreachable, too slow, 5xx, or malformed. It may still have executed the request. */
export class MainUnavailableError extends AsyncTaskError {
  readonly code = 'main_unavailable'
  readonly retryable = true
}

/** Main does not accept the internal token. */
export class MainUnauthorizedError extends AsyncTaskError {
  readonly code = 'main_unauthorized'
  readonly retryable = true
}

/** Main understood a report and refused it: a retry changes nothing. */
export class ReportRefusedError extends AsyncTaskError {
  readonly code = 'report_refused'
  readonly retryable = false

  constructor(
    message: string,
    readonly httpStatus: number,
    readonly reason: RefusalReason | string | undefined,
    readonly taskStatus: TaskStatus | undefined,
  ) {
    super(message)
  }
}

/** No connection to Temporal could be made. */
export class TemporalUnavailableError extends AsyncTaskError {
  readonly code = 'temporal_unavailable'
  readonly retryable = true
}

/** An integration's workflows cannot be bundled. They may be corrected while the daemon runs. */
export class WorkflowBundleError extends AsyncTaskError {
  readonly code = 'workflow_bundle'
  readonly retryable = true
}

/** A loop died or hung again and again: the process should restart. */
export class LoopGivenUpError extends AsyncTaskError {
  readonly code = 'loop_given_up'
  readonly retryable = true
}

/** The configuration cannot work; the message lists every mistake. */
export class ConfigurationError extends AsyncTaskError {
  readonly code = 'configuration'
  readonly retryable = false
}

/** No workflow can be started for this task, however often it is tried. */
export class UnstartableTaskError extends AsyncTaskError {
  readonly retryable = false

  constructor(
    readonly code: 'unbuildable_workflow_id' | 'unbuildable_params' | 'params_too_large',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** An error's message, followed by those of its causes. */
export function describeError(error: unknown): string {
  const messages: string[] = []
  for (let at: unknown = error; at !== undefined && messages.length < 5; ) {
    const message = at instanceof Error ? at.message : String(at)
    if (message !== '' && !messages.includes(message)) messages.push(message)
    at = at instanceof Error ? at.cause : undefined
  }
  return messages.join(': ')
}
