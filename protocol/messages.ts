/**
 * What is asked of a task, and answered, each message once: as the schema that main parses it with, and as the type inferred from
 * it that its senders write. It is from one of three, and fenced accordingly: a **run** (one Temporal execution) is
 * known by attempt and runId; a **processor** (task processor or reconciler) by attempt and fencingToken; an
 * **operator** (a person, or the application) acts on the row as it is.
 */
import { z } from 'zod'
import { DAY_SECONDS, MAX_ERROR_CODE_LENGTH, MAX_ERROR_MESSAGE_LENGTH, MAX_USER_ID_LENGTH } from './limits.js'

/** Ids are opaque: integers on PostgreSQL, UUIDs on PGLite, always strings on the wire. */
export const idSchema = z.string().min(1).max(100)
export const taskKeySchema = z.string().min(1).max(100)
const token = z.string().min(8).max(100)
export const runIdSchema = z.string().min(1).max(100)
/** No task has this many attempts; the bound keeps a broken sender from filling a row. */
export const attemptSchema = z.number().int().min(1).max(1000)

/** Why an attempt failed, in words fit for a person and a code fit for a program. Never holds a secret. */
export const taskErrorSchema = z.strictObject({
  code: z.string().min(1).max(MAX_ERROR_CODE_LENGTH),
  message: z.string().max(MAX_ERROR_MESSAGE_LENGTH),
})

/** What a provider created for us and charges for, and the attempt that had it created. */
export const providerTaskSchema = z.strictObject({ id: z.string().min(1).max(500), attempt: attemptSchema })

/** How an attempt failed: the fields of whatever tells it. */
export const failureFields = {
  error: taskErrorSchema,
  retryable: z.boolean(),
  /** The provider itself asked for this pause before the next attempt. */
  retryAfterSeconds: z.number().min(0).max(DAY_SECONDS).optional(),
  /** The provider's task is over, so a next attempt must not resume it. */
  providerEnded: z.boolean().optional(),
}
/** Which row is meant: its id may come back with another task, its key does not. */
const aboutTask = { apiCallId: idSchema, taskKey: taskKeySchema.optional() }
const fromRun = { ...aboutTask, attempt: attemptSchema, runId: runIdSchema }
const fromProcessor = { ...aboutTask, attempt: attemptSchema, fencingToken: token }

/** Reports of a run, fenced by attempt and runId. */
function runReportSchema<R extends z.ZodType>(result: R) {
  return z.discriminatedUnion('status', [
    z.strictObject({ ...fromRun, status: z.literal('begin'), createIntent: z.boolean().optional() }),
    // The provider is asked, or has accepted the task that is named.
    z.strictObject({ ...fromRun, status: z.literal('processing'), providerTask: providerTaskSchema.optional() }),
    // News for people, which moves nothing: what the run waits for, and that it waits no more.
    z.strictObject({
      ...fromRun,
      status: z.literal('waiting'),
      reason: taskErrorSchema,
      nextTrySeconds: z.number().min(0).max(DAY_SECONDS).optional(),
    }),
    z.strictObject({ ...fromRun, status: z.literal('resumed') }),
    z.strictObject({ ...fromRun, status: z.literal('completed'), result }),
    z.strictObject({ ...fromRun, status: z.literal('failed'), ...failureFields }),
  ])
}

/** Reports of a task processor or reconciler, fenced by attempt and token; a claim may name the token it wants. */
function processorReportSchema<R extends z.ZodType>(result: R) {
  return z.discriminatedUnion('status', [
    z.strictObject({
      ...aboutTask,
      status: z.literal('queued'),
      fencingToken: token.optional(),
      alone: z.boolean().optional(),
    }),
    z.strictObject({ ...fromProcessor, status: z.literal('released') }),
    // Verdicts: what a processor learned about a run from Temporal, or that the attempt cannot be started at all.
    z.strictObject({ ...fromProcessor, status: z.literal('running') }),
    z.strictObject({ ...fromProcessor, status: z.literal('closed') }),
    z.strictObject({ ...fromProcessor, status: z.literal('completed'), result }),
    z.strictObject({
      ...fromProcessor,
      status: z.literal('failed'),
      ...failureFields,
      /** The run that this is about, where there was one: it may have begun though the row does not know it. */
      seenRunId: runIdSchema.optional(),
    }),
  ])
}

/** A report as main parses it. Its form tells whom it is from; nobody sends that along. */
export function reportSchema<R extends z.ZodType>(result: R) {
  return z.union([
    runReportSchema(result).transform((report) => ({ ...report, from: 'run' as const })),
    processorReportSchema(result).transform((report) => ({ ...report, from: 'processor' as const })),
  ])
}

/** Who asks, for the task's timeline. */
export const bySchema = z.string().max(MAX_USER_ID_LENGTH).regex(/\S/, 'must say who asks').trim()
export const cancelTaskSchema = z.strictObject({
  apiCallId: idSchema,
  by: bySchema,
  reason: z.string().max(1000).optional(),
})
export const retryTaskSchema = z.strictObject({
  apiCallId: idSchema,
  by: bySchema,
  extraAttempts: z.number().int().min(1).max(100).default(1),
})

/** "This attempt is about to ask the provider to create something", written down before it asks. */
const createIntentSchema = z.object({ attempt: z.number().int(), at: z.number() })
export const claimAnswerSchema = z.object({
  attempt: z.number().int(),
  fencingToken: z.string(),
  leaseSeconds: z.number(),
  takeOver: z.boolean(),
  runId: z.string().optional(),
})
export const beginAnswerSchema = z.object({
  providerTask: providerTaskSchema.optional(),
  /** Attempts whose create was announced and never accounted for, the run's own excepted. */
  openIntents: z.array(createIntentSchema),
})

export type CreateIntent = z.infer<typeof createIntentSchema>
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>
export type Begun = z.infer<typeof beginAnswerSchema>
export type ProviderTask = z.infer<typeof providerTaskSchema>
export type TaskError = z.infer<typeof taskErrorSchema>
export type Failure = z.infer<z.ZodObject<typeof failureFields>>

/** A message, without the row that it is addressed to. */
type Message<Addressed> = Addressed extends unknown ? Omit<Addressed, 'apiCallId'> : never
type Of<Union, Status> = Extract<Union, { status: Status }>

export type RunReport = Message<z.infer<ReturnType<typeof runReportSchema<z.ZodUnknown>>>>
export type Begin = Of<RunReport, 'begin'>
export type Processing = Of<RunReport, 'processing'>
export type Waiting = Of<RunReport, 'waiting'>
export type Resumed = Of<RunReport, 'resumed'>

export type ProcessorReport = Message<z.infer<ReturnType<typeof processorReportSchema<z.ZodUnknown>>>>
export type Claim = Of<ProcessorReport, 'queued'>
export type Release = Of<ProcessorReport, 'released'>
export type Verdict = Exclude<ProcessorReport, Claim | Release>
/** How an attempt ended, as a run reports it or a verdict. */
export type Outcome = Of<RunReport | Verdict, 'completed' | 'failed'>

export type OperatorRequest =
  | ({ status: 'cancelled' } & Message<z.infer<typeof cancelTaskSchema>>)
  | ({ status: 'retry' } & Message<z.infer<typeof retryTaskSchema>>)

/** A message with whom it is from, as the protocol decides on it. */
export type TaskRequest =
  | (RunReport & { from: 'run' })
  | (ProcessorReport & { from: 'processor' })
  | (OperatorRequest & { from: 'operator' })
