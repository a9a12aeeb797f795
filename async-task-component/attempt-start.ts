/** Starts one attempt's workflow: its id, its arguments, and a single try to start it. */
import { isGrpcServiceError, NamespaceNotFoundError, WorkflowExecutionAlreadyStartedError } from '@temporalio/client'
import type { PullModeConfig } from '../integrations/index.js'
import type { AttemptInput } from '../protocol/attempt.js'
import type { TaskError } from '../protocol/messages.js'
import { attemptWorkflowId } from '../protocol/names.js'
import type { PendingTask } from '../protocol/wire.js'
import type { BoundedTemporal } from './bounded-temporal.js'
import { describeError, UnstartableTaskError } from './errors.js'
import type { RunLabels } from './run-labels.js'

export type StartResult =
  | { kind: 'started'; runId: string }
  | { kind: 'already-started' }
  /** Temporal may have started it: only a lookup can tell. */
  | { kind: 'ambiguous'; cause: unknown }
  /** Certainly not started, through no fault of the task. */
  | { kind: 'not-started'; cause: unknown }
  /** Certainly not started, and it never will be: Temporal does not accept it. */
  | { kind: 'rejected'; error: TaskError }

/** Temporal refuses a payload of 2 MB; what surrounds the arguments needs room too. */
const MAX_PARAMS_BYTES = 1_900_000

/** @throws UnstartableTaskError where `buildWorkflowId` fails */
export function workflowIdOf(namespace: string, config: PullModeConfig, task: PendingTask, attempt: number): string {
  try {
    return attemptWorkflowId(namespace, config.buildWorkflowId(task), task.taskKey, attempt)
  } catch (cause) {
    throw new UnstartableTaskError('unbuildable_workflow_id', `buildWorkflowId failed: ${describeError(cause)}`, {
      cause,
    })
  }
}

/** @throws UnstartableTaskError where `buildWorkflowParams` fails, or gives what cannot be sent */
export function attemptInputOf(config: PullModeConfig, task: PendingTask, attempt: number): AttemptInput {
  let input: AttemptInput
  let bytes: number
  try {
    input = { ...config.buildWorkflowParams(task), taskKey: task.taskKey, attempt }
    bytes = Buffer.byteLength(JSON.stringify(input))
  } catch (cause) {
    throw new UnstartableTaskError('unbuildable_params', `buildWorkflowParams failed: ${describeError(cause)}`, {
      cause,
    })
  }
  if (bytes > MAX_PARAMS_BYTES) {
    throw new UnstartableTaskError(
      'params_too_large',
      `The workflow's parameters have ${bytes} bytes, at most ${MAX_PARAMS_BYTES} can be passed: store large values and pass a reference`,
    )
  }
  return input
}

export interface StartAttemptOptions {
  temporal: BoundedTemporal
  config: Pick<PullModeConfig, 'workflowName' | 'taskQueue'>
  workflowId: string
  input: AttemptInput
  /** What Temporal shows the run as. Default: no more than its id. */
  labels?: Pick<RunLabels, 'of' | 'forgetAttributes'> | undefined
  /** The integration's namespace. */
  namespace: string
  signal: AbortSignal
}

/** An attempt has one workflow, ever: its id is never reused, whatever happened to that workflow. */
export const ATTEMPT_ID_POLICIES = {
  workflowIdReusePolicy: 'REJECT_DUPLICATE',
  workflowIdConflictPolicy: 'FAIL',
} as const

/** Tries once. */
export async function startAttempt(options: StartAttemptOptions): Promise<StartResult> {
  const { temporal, config, workflowId, input, labels, namespace: integration, signal } = options
  const { taskKey: taskId, attempt } = input
  const shown = await labels?.of({ integration, taskId, attempt }, signal)
  try {
    const handle = await temporal.call(signal, (client) =>
      client.workflow.start(config.workflowName, {
        workflowId,
        taskQueue: config.taskQueue,
        args: [input],
        ...shown,
        ...ATTEMPT_ID_POLICIES,
      }),
    )
    return { kind: 'started', runId: handle.firstExecutionRunId }
  } catch (error) {
    const failure = classifyStartFailure(error)
    if (failure.kind !== 'rejected' || shown?.typedSearchAttributes === undefined) return failure
    // Perhaps for these: somebody may have taken them away.
    labels?.forgetAttributes()
    return startAttempt(options)
  }
}

/** gRPC status codes that say the request was received, and refused. */
const INVALID_ARGUMENT = 3
const NOT_CARRIED_OUT = new Set([5, 7, 8, 9, 12, 16])
const UNAVAILABLE = 14

function classifyStartFailure(error: unknown): StartResult {
  if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'already-started' }
  if (error instanceof NamespaceNotFoundError) return { kind: 'not-started', cause: error }
  const grpc = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error
  if (!isGrpcServiceError(grpc)) return { kind: 'ambiguous', cause: error }

  if (grpc.code === INVALID_ARGUMENT) {
    return { kind: 'rejected', error: { code: 'workflow_rejected', message: `Temporal says: ${grpc.details}` } }
  }
  const neverSent =
    grpc.code === UNAVAILABLE && /^(No connection established|Name resolution failed)/.test(grpc.details)
  if (neverSent || NOT_CARRIED_OUT.has(grpc.code)) return { kind: 'not-started', cause: error }
  return { kind: 'ambiguous', cause: error }
}
