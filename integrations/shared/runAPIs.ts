/** The manual handles of runs that wait for a provider: ask how far one is, have it look now, have it give up. */
import { z } from 'zod'
import { type API, APIError, createAPI } from '../index.js'
import type { CallEntityNames } from './call-entities.js'
import { attemptWorkflowId } from './names.js'
import { currentAttempt, isLive, type TaskStatus } from './protocol/index.js'
import { isCallbackSignature, PROVIDER_CALLBACK } from './provider-callback.js'
import { type RunHandles, RunsUnavailableError } from './runs.js'
import { readTask, type TaskView } from './task-store.js'
import { taskStatusSchema } from './wire.js'

export interface RunAPIsOptions {
  namespace: string
  entities: CallEntityNames
  /** The name of the API that asks how far a run is, as `queryFangzhouVideoStatus`. */
  queryAPIName: string
  takesCallbacks: boolean
  buildWorkflowId(apiCall: { id: string }): string
  handles: RunHandles
  /** What callbacks may be signed with: the internal token, during a rotation the previous one too. */
  callbackSecrets: readonly string[]
}

const apiCallId = z.string().min(1).max(100)
const handleSchema = z.strictObject({ apiCallId })
const signalAnswerSchema = z.object({
  success: z.literal(true),
  taskId: z.string(),
  status: taskStatusSchema,
  attempt: z.number().int(),
  /** Whether there was a running workflow, and it has the signal. */
  reached: z.boolean(),
})

/** Makes the query, `POST triggerImmediatePoll`, `POST stopPolling`, and the provider's callback if it makes any. */
export function createRunAPIs(options: RunAPIsOptions): API[] {
  return [queryAPI(options), ...signalAPIs(options), ...(options.takesCallbacks ? [callbackAPI(options)] : [])]
}

function queryAPI(options: RunAPIsOptions): API {
  return createAPI({
    name: options.queryAPIName,
    namespace: options.namespace,
    internal: true,
    summary: `How far the run of a ${options.namespace} task is, by its own account`,
    params: handleSchema,
    answer: z.object({
      success: z.literal(true),
      taskId: z.string(),
      status: taskStatusSchema,
      attempt: z.number().int(),
      /** Whether a running workflow answered. */
      reached: z.boolean(),
      /** Temporal's word on the workflow; null where there is none. */
      workflowStatus: z.string().nullable(),
      progress: z
        .object({
          phase: z.enum(['creating', 'looking-up', 'waiting', 'storing']),
          polls: z.number().int(),
          providerTaskId: z.string().optional(),
          providerStatus: z.string().optional(),
          nextPollAt: z.number().optional(),
          deadlineAt: z.number().optional(),
        })
        .nullable(),
    }),
    async callback({ signal }, { apiCallId }) {
      const run = findRun(options, await task(this, options, apiCallId))
      const { status: workflowStatus, progress } = await reach(() => options.handles.look(run.workflowId, signal))
      const { taskId, status, attempt } = run
      return { success: true as const, taskId, status, attempt, reached: progress !== null, workflowStatus, progress }
    },
  })
}

function signalAPIs(options: RunAPIsOptions): API[] {
  const { namespace, handles } = options
  return [
    createAPI({
      name: 'triggerImmediatePoll',
      namespace,
      internal: true,
      summary: `Have the run of a ${namespace} task ask its provider now`,
      params: handleSchema,
      answer: signalAnswerSchema,
      async callback({ signal }, { apiCallId }) {
        const { workflowId, ...run } = findRun(options, await task(this, options, apiCallId))
        const reached = await reach(() => handles.signal(workflowId, 'triggerImmediatePoll', [], signal))
        return { success: true as const, ...run, reached }
      },
    }),
    createAPI({
      name: 'stopPolling',
      namespace,
      internal: true,
      summary: `Have the run of a ${namespace} task give up waiting; what the provider is making it goes on making`,
      params: handleSchema.extend({ by: z.string().trim().min(1).max(200) }),
      answer: signalAnswerSchema,
      async callback({ signal }, { apiCallId, by }) {
        const { workflowId, ...run } = findRun(options, await task(this, options, apiCallId))
        const reached = await reach(() => handles.signal(workflowId, 'stopPolling', [by], signal))
        return { success: true as const, ...run, reached }
      },
    }),
  ]
}

function callbackAPI(options: RunAPIsOptions): API {
  const { namespace, handles, callbackSecrets } = options
  return createAPI({
    name: `${PROVIDER_CALLBACK}/:apiCallId/:attempt/:signature`,
    namespace,
    allowAnonymous: true,
    summary: `The provider's hint that a ${namespace} task has moved on: its run asks at once`,
    // What the provider says is not believed, and so not read.
    params: z.object({ apiCallId, attempt: z.coerce.number().int().min(1).max(1000), signature: z.string().max(100) }),
    answer: z.object({ reached: z.boolean() }),
    async callback({ signal }, { apiCallId, attempt, signature }) {
      const found = await readTask(this, options.entities, apiCallId)
      const call = { namespace, apiCallId, taskKey: found?.taskKey ?? '', attempt }
      if (!found || !isCallbackSignature(callbackSecrets, call, signature)) {
        throw new APIError(401, { success: false, error: 'The signature is wrong' })
      }
      const run = findRun(options, found)
      if (run.attempt !== attempt) return { reached: false }
      return { reached: await reach(() => handles.signal(run.workflowId, 'triggerImmediatePoll', [], signal)) }
    },
  })
}

async function task(controller: Parameters<typeof readTask>[0], { entities }: RunAPIsOptions, id: string) {
  const found = await readTask(controller, entities, id)
  if (!found) throw new APIError(404, { success: false, error: 'Task not found' })
  return found
}

/** The run of the attempt that is under way, else of the last one. */
function findRun(
  { namespace, buildWorkflowId }: RunAPIsOptions,
  { id, taskKey, state }: TaskView,
): { workflowId: string; taskId: string; status: TaskStatus; attempt: number } {
  const ended = !isLive(state) && state.status !== 'pending' && state.status !== 'cancelled'
  const attempt = ended ? state.attempts : currentAttempt(state)
  const workflowId = attemptWorkflowId(namespace, buildWorkflowId({ id }), taskKey, attempt)
  return { workflowId, taskId: id, status: state.status, attempt }
}

async function reach<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof RunsUnavailableError)) throw error
    throw new APIError(503, { success: false, error: error.message, retryable: true }, { cause: error })
  }
}
