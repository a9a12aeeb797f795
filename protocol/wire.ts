/**
 * What main and the async-task component say to each other over HTTP, as zod schemas that both sides use.
 * Types are inferred; the requests are the protocol's own (`protocol/types.ts`), so nothing is mapped.
 */
import { z } from 'zod'
import { TASK_STATUSES } from './index.js'
import {
  DAY_SECONDS,
  MAX_ERROR_CODE_LENGTH,
  MAX_ERROR_MESSAGE_LENGTH,
  MAX_LISTED,
  MAX_USER_ID_LENGTH,
  MAX_WAIT_SECONDS,
} from './limits.js'

/** Ids are opaque: integers on PostgreSQL, UUIDs on PGLite, always strings on the wire. */
const id = z.string().min(1).max(100)
const taskKey = z.string().min(1).max(100)
const token = z.string().min(8).max(100)
const runId = z.string().min(1).max(100)
/** No task has this many attempts; the bound keeps a broken sender from filling a row. */
const attempt = z.number().int().min(1).max(1000)

export const taskStatusSchema = z.enum(TASK_STATUSES)

export const taskErrorSchema = z.strictObject({
  code: z.string().min(1).max(MAX_ERROR_CODE_LENGTH),
  message: z.string().max(MAX_ERROR_MESSAGE_LENGTH),
})

const providerTaskSchema = z.strictObject({ id: z.string().min(1).max(500), attempt })

const createIntentSchema = z.object({ attempt: z.number().int(), at: z.number() })

/** A task as fetchPendingTasks lists it. */
export const pendingTaskSchema = z.object({
  id,
  taskKey,
  status: taskStatusSchema,
  attempts: z.number().int().min(0),
  startedAt: z.number().nullable(),
  createdAt: z.number(),
  requestParams: z.unknown(),
})

/**
 * A number that may come in a query string or a path, where all is text: in its one decimal spelling. Nothing, blanks,
 * `0x10` and `1e1` are no numbers.
 */
export function spelledNumber<Schema extends z.ZodType<number>>(schema: Schema) {
  const decimal = /^(0|[1-9]\d*)(\.\d*[1-9])?$/
  return z.preprocess((value) => (typeof value === 'string' && decimal.test(value) ? Number(value) : value), schema)
}

export const fetchPendingTasksQuerySchema = z.strictObject({
  limit: spelledNumber(z.number().int().min(1).max(MAX_LISTED)).default(10),
  /** How long to wait for a task where there is none to claim. */
  waitSeconds: spelledNumber(z.number().min(0).max(MAX_WAIT_SECONDS)).default(0),
})

export const fetchPendingTasksAnswerSchema = z.object({ tasks: z.array(pendingTaskSchema) })

export const runsToCheckQuerySchema = z.strictObject({
  limit: spelledNumber(z.number().int().min(1).max(MAX_LISTED)).default(20),
  /** Leaves out what was looked at more recently than this. */
  uncheckedForSeconds: spelledNumber(z.number().min(0).max(DAY_SECONDS)).default(60),
})

/** A run that somebody should look at in Temporal, and the token that a verdict on it has to bring. */
const runToCheckSchema = z.object({
  apiCallId: id,
  taskKey,
  attempt,
  fencingToken: z.string(),
  status: taskStatusSchema,
  runId: runId.optional(),
})

export const runsToCheckAnswerSchema = z.object({ runs: z.array(runToCheckSchema) })

/** Who asks, for the task's timeline. */
export const bySchema = z.string().max(MAX_USER_ID_LENGTH).regex(/\S/, 'must say who asks').trim()
export const cancelTaskSchema = z.strictObject({ apiCallId: id, by: bySchema, reason: z.string().max(1000).optional() })
export const retryTaskSchema = z.strictObject({
  apiCallId: id,
  by: bySchema,
  extraAttempts: z.number().int().min(1).max(100).default(1),
})
export const operatorAnswerSchema = z.object({ success: z.literal(true), status: taskStatusSchema })

const failure = {
  status: z.literal('failed'),
  error: taskErrorSchema,
  retryable: z.boolean(),
  retryAfterSeconds: z.number().min(0).max(DAY_SECONDS).optional(),
  providerEnded: z.boolean().optional(),
}
/** Which row is meant: its id may come back with another task, its key does not. */
const aboutTask = { apiCallId: id, taskKey: taskKey.optional() }
const fromRun = { ...aboutTask, attempt, runId }
const fromProcessor = { ...aboutTask, attempt, fencingToken: token }

/** Reports of a run, fenced by attempt and runId. */
export function runReportSchema<R extends z.ZodType>(result: R) {
  return z.discriminatedUnion('status', [
    z.strictObject({ ...fromRun, status: z.literal('begin'), createIntent: z.boolean().optional() }),
    z.strictObject({ ...fromRun, status: z.literal('processing'), providerTask: providerTaskSchema.optional() }),
    z.strictObject({
      ...fromRun,
      status: z.literal('waiting'),
      reason: taskErrorSchema,
      nextTrySeconds: z.number().min(0).max(DAY_SECONDS).optional(),
    }),
    z.strictObject({ ...fromRun, status: z.literal('resumed') }),
    z.strictObject({ ...fromRun, status: z.literal('completed'), result }),
    z.strictObject({ ...fromRun, ...failure }),
  ])
}

/** Reports of a task processor or reconciler, fenced by attempt and token; a claim may name the token it wants. */
export function processorReportSchema<R extends z.ZodType>(result: R) {
  return z.discriminatedUnion('status', [
    z.strictObject({
      ...aboutTask,
      status: z.literal('queued'),
      fencingToken: token.optional(),
      alone: z.boolean().optional(),
    }),
    z.strictObject({ ...fromProcessor, status: z.literal('released') }),
    z.strictObject({ ...fromProcessor, status: z.literal('running') }),
    z.strictObject({ ...fromProcessor, status: z.literal('closed') }),
    z.strictObject({ ...fromProcessor, status: z.literal('completed'), result }),
    z.strictObject({ ...fromProcessor, ...failure, seenRunId: runId.optional() }),
  ])
}

export const reportAnswerSchema = z.object({
  success: z.literal(true),
  status: taskStatusSchema,
  // A claim's answer.
  attempt: z.number().int().optional(),
  fencingToken: z.string().optional(),
  leaseSeconds: z.number().optional(),
  takeOver: z.boolean().optional(),
  runId: z.string().optional(),
  // A begin's answer.
  providerTask: providerTaskSchema.optional(),
  openIntents: z.array(createIntentSchema).optional(),
})

/** A 4xx answer: what was refused, and why. `status` is the task's, where it was found. */
export const refusalSchema = z.object({
  success: z.literal(false),
  error: z.string(),
  reason: z.string().optional(),
  status: taskStatusSchema.optional(),
})

export type PendingTask = z.infer<typeof pendingTaskSchema>
export type FetchPendingTasksAnswer = z.infer<typeof fetchPendingTasksAnswerSchema>
export type RunToCheck = z.infer<typeof runToCheckSchema>
export type ReportAnswer = z.infer<typeof reportAnswerSchema>
