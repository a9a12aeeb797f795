/** Manual control of runs that wait for a provider: query a run, make it poll now, make it give up. */
import { z } from 'zod'
import { type API, APIError, createAPI } from '../../lib/api.js'
import { currentAttempt, isLive, type TaskStatus } from '../../protocol/index.js'
import { bySchema } from '../../protocol/messages.js'
import { attemptWorkflowId } from '../../protocol/names.js'
import { isCallbackSignature, PROVIDER_CALLBACK } from '../../protocol/provider-callback.js'
import { type RunHandles, type RunSignal, runProgressSchema } from '../../protocol/run-handles.js'
import { spelledNumber, taskStatusSchema } from '../../protocol/wire.js'
import type { StoredTask } from '../task-reader.js'
import { type TaskAPIOptions, taskNotFound } from './carry-out.js'
import { HintGate } from './hint-gate.js'

export interface RunAPIsOptions extends TaskAPIOptions {
  /** The name of the query API, such as `queryFangzhouVideoStatus`. */
  queryAPIName: string
  takesCallbacks: boolean
  buildWorkflowId(apiCall: { id: string }): string
  handles: RunHandles
  /** The keys that may sign callbacks: the internal token and, during a rotation, the previous one. */
  callbackSecrets: readonly string[]
  /** The shortest pause between two polls of a run, in seconds. Default 10. */
  pollSeconds?: number | undefined
}

const DEFAULT_POLL_SECONDS = 10

const apiCallId = z.string().min(1).max(100)
const handleSchema = z.strictObject({ apiCallId })
const handleAnswerSchema = z.object({
  success: z.literal(true),
  taskId: z.string(),
  status: taskStatusSchema,
  attempt: z.number().int(),
  /** Whether a running workflow has answered, or received the signal. */
  reached: z.boolean(),
})

/** Makes the query, `POST triggerImmediatePoll`, `POST stopPolling`, and the provider's callback if there is one. */
export function createRunAPIs(options: RunAPIsOptions): API[] {
  const { namespace, handles } = options
  const common = { namespace, internal: true, operator: true }
  const query = createAPI({
    ...common,
    name: options.queryAPIName,
    summary: `How far the run of a ${namespace} task is, by its own account`,
    params: handleSchema,
    answer: handleAnswerSchema.extend({
      /** The workflow id in Temporal. */
      workflowId: z.string(),
      /** The workflow's status in Temporal; null if it has no such workflow. */
      workflowStatus: z.string().nullable(),
      progress: runProgressSchema.nullable(),
    }),
    async callback({ signal }, { apiCallId }) {
      const run = await findRun(options, apiCallId)
      const { status: workflowStatus, progress } = await handles.look(run.workflowId, signal)
      return { success: true as const, ...run, reached: progress !== null, workflowStatus, progress }
    },
  })
  const signalled = (name: RunSignal, summary: string, params: z.ZodType<{ apiCallId: string; by?: string }>) =>
    createAPI({
      ...common,
      name,
      summary,
      params,
      answer: handleAnswerSchema,
      async callback({ signal }, { apiCallId, by }) {
        const { workflowId, ...run } = await findRun(options, apiCallId)
        const reached = await handles.signal(workflowId, name, by === undefined ? [] : [by], signal)
        return { success: true as const, ...run, reached }
      },
    })
  const pollNow = `Have the run of a ${namespace} task ask its provider now`
  const giveUp = `Have the run of a ${namespace} task give up waiting; what the provider is making it goes on making`
  return [
    query,
    signalled('triggerImmediatePoll', pollNow, handleSchema),
    signalled('stopPolling', giveUp, handleSchema.extend({ by: bySchema })),
    ...(options.takesCallbacks ? [callbackAPI(options)] : []),
  ]
}

function callbackAPI(options: RunAPIsOptions): API {
  const { namespace, store, handles, callbackSecrets, pollSeconds = DEFAULT_POLL_SECONDS } = options
  const gate = new HintGate(pollSeconds * 1000)
  return createAPI({
    name: `${PROVIDER_CALLBACK}/:taskKey/:attempt/:signature`,
    namespace,
    allowAnonymous: true,
    // The provider's message is not trusted, and nobody without a signature may keep main waiting for it.
    ignoresBody: true,
    summary: `The provider's hint that a ${namespace} task has moved on: its run asks soon, once for each poll interval`,
    params: z.object({
      taskKey: z.string().min(1).max(100),
      // In canonical spelling, because the signature covers a number.
      attempt: spelledNumber(z.number().int().min(1).max(1000)),
      signature: z.string().max(100),
    }),
    answer: z.object({ reached: z.boolean() }),
    async callback({ signal }, { signature, ...of }) {
      if (!isCallbackSignature(callbackSecrets, { namespace, ...of }, signature)) {
        throw new APIError(401, { success: false, error: 'The signature is wrong' })
      }
      return gate.once(`${of.taskKey}:${of.attempt}`, async () => {
        const task = await store().findByKey(of.taskKey)
        if (!task || !isLive(task.state) || currentAttempt(task.state) !== of.attempt) return { reached: false }
        const { workflowId } = runOf(options, task)
        return { reached: await handles.signal(workflowId, 'providerHint', [], signal) }
      })
    },
  })
}

/** @param idOrKey either of the task's ids */
async function findRun(options: RunAPIsOptions, idOrKey: string) {
  const store = options.store()
  const task = (await store.find(idOrKey)) ?? (await store.findByKey(idOrKey))
  if (!task) throw taskNotFound()
  return runOf(options, task)
}

/** The run of the current attempt, else of the last one. */
function runOf(
  { namespace, buildWorkflowId }: RunAPIsOptions,
  { id, taskKey, state }: StoredTask,
): { workflowId: string; taskId: string; status: TaskStatus; attempt: number } {
  const ended = state.status === 'completed' || state.status === 'failed'
  const attempt = ended ? state.attempts : currentAttempt(state)
  const workflowId = attemptWorkflowId(namespace, buildWorkflowId({ id }), taskKey, attempt)
  return { workflowId, taskId: taskKey, status: state.status, attempt }
}
