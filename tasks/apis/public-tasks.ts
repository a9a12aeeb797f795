/** The public APIs of an integration's tasks: create the business record that asks for one, and look at it. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { claimableAt, isLive } from '../../protocol/index.js'
import { taskErrorSchema } from '../../protocol/messages.js'
import { spelledNumber, taskStatusSchema } from '../../protocol/wire.js'
import { waitingForSchema, whatItWaitsFor } from '../waiting-for.js'
import { type TaskAPIOptions, taskNotFound } from './carry-out.js'

export interface PublicAPIsOptions extends Pick<TaskAPIOptions, 'store'> {
  /** The APIs' own namespace, as `video`. */
  namespace: string
  /** The name of the creating API, as `generate`. */
  createName: string
  /** The business entity whose record asks for a task. */
  sourceEntity: string
  /** Its property for the time before which the task is not due. Without it, tasks cannot be delayed. */
  dueAtProperty: string | undefined
  /** Its property for the user whose task it is. */
  userProperty: string
  /** Whether tasks may be asked for; those that there are can be looked at in any case. Default: true. */
  enabled: boolean | undefined
  toRecord(params: unknown): Record<string, unknown>
  requestSchema: z.ZodObject
  resultSchema: z.ZodType
}

/** Makes `POST api/<namespace>/<createName>` and `GET api/<namespace>/tasks/:taskId`. */
export function createTaskAPIs(options: PublicAPIsOptions): API[] {
  const get = createGetTaskAPI(options)
  return options.enabled === false ? [get] : [createCreateTaskAPI(options), get]
}

/** Until the end of the century: milliseconds are taken for what they are, a mistake. */
const dueAtSchema = z.number().min(0).max(4_102_444_800, 'must be in unix seconds, not in milliseconds')

function createCreateTaskAPI(options: PublicAPIsOptions): API {
  const { namespace, createName, store, sourceEntity, dueAtProperty, userProperty, toRecord, requestSchema } = options
  return createAPI({
    name: createName,
    namespace,
    summary: `Ask for a ${namespace} task${dueAtProperty ? ', at once or at `dueAt` (unix seconds)' : ''}`,
    params: dueAtProperty ? requestSchema.safeExtend({ dueAt: dueAtSchema.optional() }) : requestSchema,
    takesIdempotencyKey: true,
    answer: z.object({ taskId: z.string() }),
    async callback({ user, idempotencyKey: key }, { dueAt, ...params }) {
      const userId = user?.id ?? null
      const delay = dueAtProperty !== undefined && dueAt !== undefined ? { [dueAtProperty]: dueAt } : {}
      const record = { ...toRecord(params), ...delay, [userProperty]: userId }
      const keyed =
        key === undefined ? undefined : { key, api: `${namespace}/${createName}`, params: { ...params, dueAt } }
      return { taskId: await store().create({ entity: sourceEntity, record, userId }, keyed) }
    },
  })
}

function createGetTaskAPI({ namespace, store, resultSchema }: PublicAPIsOptions) {
  return createAPI({
    name: 'tasks/:taskId',
    namespace,
    method: 'GET',
    summary: `A ${namespace} task: its status, result, and what has happened to it`,
    params: z.strictObject({
      taskId: z.string().min(1).max(100),
      /** The `timelineNext` of the page before. */
      timelineAfter: spelledNumber(z.number().int().min(0).max(1_000_000)).default(0),
    }),
    answer: z.object({
      taskId: z.string(),
      status: taskStatusSchema,
      /** Attempts that have ended. */
      attempts: z.number().int(),
      /** Unix seconds, as all times here. */
      createdAt: z.number(),
      startedAt: z.number().nullable(),
      /** From when on its next attempt may start; null while one is under way, and where there will be none. */
      dueAt: z.number().nullable(),
      /** Why nothing goes on for now; null where something does, or nobody knows. */
      waitingFor: waitingForSchema.nullable(),
      /** Null until the task is completed. */
      result: resultSchema.nullable(),
      error: taskErrorSchema.nullable(),
      timeline: z.array(
        z.object({
          type: z.string(),
          attempt: z.number().int(),
          at: z.number(),
          error: taskErrorSchema.optional(),
          reason: taskErrorSchema.optional(),
        }),
      ),
      /** Asked for as `timelineAfter`, it gives the next page of the timeline; null where this is the last one. */
      timelineNext: z.number().int().nullable(),
    }),
    async callback({ user, operator }, { taskId, timelineAfter }) {
      const viewer = operator ? ('operator' as const) : { userId: user?.id ?? null }
      const task = await store().view(taskId, viewer, timelineAfter)
      if (!task) throw taskNotFound()
      const { status, attempts, startedAt, error } = task.state
      const { taskKey, createdAt, result, timeline, timelineNext } = task
      const dueAt = isLive(task.state) ? null : claimableAt(task.state)
      const waitingFor = await whatItWaitsFor(store(), task)
      const times = { createdAt, startedAt, dueAt }
      return { taskId: taskKey, status, attempts, ...times, waitingFor, result, error, timeline, timelineNext }
    },
  })
}
