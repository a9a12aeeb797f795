/**
 * The HTTP messages between main and the async-task component, as zod schemas that both sides use. Types are inferred.
 * The requests about one task are in `messages.ts`, and are used by the protocol without mapping.
 */
import { z } from 'zod'
import { TASK_STATUSES } from './index.js'
import { DAY_SECONDS, MAX_LISTED, MAX_WAIT_SECONDS } from './limits.js'
import {
  attemptSchema,
  beginAnswerSchema,
  claimAnswerSchema,
  idSchema,
  runIdSchema,
  taskKeySchema,
} from './messages.js'

export const taskStatusSchema = z.enum(TASK_STATUSES)

/** A task as fetchPendingTasks lists it. */
export const pendingTaskSchema = z.object({
  id: idSchema,
  taskKey: taskKeySchema,
  status: taskStatusSchema,
  attempts: z.number().int().min(0),
  startedAt: z.number().nullable(),
  createdAt: z.number(),
  requestParams: z.unknown(),
})

/**
 * A number from a query string or a path, where everything is text: in plain decimal spelling only. Empty text, blanks,
 * `0x10` and `1e1` are refused.
 */
export function spelledNumber<Schema extends z.ZodType<number>>(schema: Schema) {
  const decimal = /^(0|[1-9]\d*)(\.\d*[1-9])?$/
  return z.preprocess((value) => (typeof value === 'string' && decimal.test(value) ? Number(value) : value), schema)
}

export const fetchPendingTasksQuerySchema = z.strictObject({
  limit: spelledNumber(z.number().int().min(1).max(MAX_LISTED)).default(10),
  /** Long poll: how long to wait for a claimable task. */
  waitSeconds: spelledNumber(z.number().min(0).max(MAX_WAIT_SECONDS)).default(0),
})

export const fetchPendingTasksAnswerSchema = z.object({ tasks: z.array(pendingTaskSchema) })

/** Names a batch of claims: a random text that the claimer makes up. It claims once, however often it is sent. */
const claimIdSchema = z.string().min(16).max(80)

export const claimTasksSchema = z.strictObject({
  claimId: claimIdSchema,
  /** Most tasks to claim; 0 claims none, and only asks what was claimed under this id. */
  limit: z.number().int().min(0).max(MAX_LISTED).default(10),
  /** Long poll: how long to wait for a claimable task. */
  waitSeconds: z.number().min(0).max(MAX_WAIT_SECONDS).default(0),
})

/** A claimed task, as it is since, and its claim. */
const claimedTaskSchema = pendingTaskSchema.extend(claimAnswerSchema.shape)

export const claimTasksAnswerSchema = z.object({
  /** What was claimed under this id, and has not moved since; in the order of claiming. */
  tasks: z.array(claimedTaskSchema),
  /** Whether this id has claimed: then it claims nothing more. */
  claimed: z.boolean(),
  /** Claimable, but only alone (`alone` of the report `queued`): claims of these ended without a run too often. */
  suspects: z.array(pendingTaskSchema),
  /** Given with no tasks: whether there are runs that have to be checked, now or later. */
  runsInFlight: z.boolean().optional(),
})

export const runsToCheckQuerySchema = z.strictObject({
  limit: spelledNumber(z.number().int().min(1).max(MAX_LISTED)).default(20),
  /** Skips what was checked more recently than this. */
  uncheckedForSeconds: spelledNumber(z.number().min(0).max(DAY_SECONDS)).default(60),
})

/** A run to check in Temporal, and the token that a verdict on it has to carry. */
const runToCheckSchema = z.object({
  apiCallId: idSchema,
  taskKey: taskKeySchema,
  attempt: attemptSchema,
  fencingToken: z.string(),
  status: taskStatusSchema,
  runId: runIdSchema.optional(),
  /** The trace that its task was created in. */
  traceparent: z.string().optional(),
})

export const runsToCheckAnswerSchema = z.object({ runs: z.array(runToCheckSchema) })

export const operatorAnswerSchema = z.object({ success: z.literal(true), status: taskStatusSchema })

export const reportAnswerSchema = z.object({
  success: z.literal(true),
  status: taskStatusSchema,
  ...claimAnswerSchema.partial().shape,
  ...beginAnswerSchema.partial().shape,
})

/** A 4xx answer: what was refused, and why. `status` is the task's, if it was found. */
export const refusalSchema = z.object({
  success: z.literal(false),
  error: z.string(),
  reason: z.string().optional(),
  status: taskStatusSchema.optional(),
})

export type PendingTask = z.infer<typeof pendingTaskSchema>
export type FetchPendingTasksAnswer = z.infer<typeof fetchPendingTasksAnswerSchema>
export type ClaimTasks = z.infer<typeof claimTasksSchema>
export type ClaimedTask = z.infer<typeof claimedTaskSchema>
export type ClaimTasksAnswer = z.infer<typeof claimTasksAnswerSchema>
export type RunToCheck = z.infer<typeof runToCheckSchema>
export type ReportAnswer = z.infer<typeof reportAnswerSchema>
