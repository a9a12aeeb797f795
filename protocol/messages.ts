/**
 * The messages about a task, each defined once: as the schema with which main parses it, and as the inferred type that
 * its senders use. The sender is one of three, and fenced accordingly: a **run** (one Temporal execution) by attempt
 * and runId; a **processor** (task processor or reconciler) by attempt and fencingToken; an **operator** (a person, or
 * the application) acts on the row as it is.
 */
import { z } from 'zod'
import {
  DAY_SECONDS,
  MAX_ERROR_CODE_LENGTH,
  MAX_ERROR_MESSAGE_LENGTH,
  MAX_UNITS,
  MAX_USER_ID_LENGTH,
} from './limits.js'

/** Ids are opaque: integers on PostgreSQL, UUIDs on PGLite, always strings on the wire. */
export const idSchema = z.string().min(1).max(100)
export const taskKeySchema = z.string().min(1).max(100)
const token = z.string().min(8).max(100)
export const runIdSchema = z.string().min(1).max(100)
/** Far more attempts than any task has; the bound keeps a broken sender from filling a row. */
export const attemptSchema = z.number().int().min(1).max(1000)

/** Why an attempt failed: text for people, a code for programs. Never contains a secret. */
export const taskErrorSchema = z.strictObject({
  code: z.string().min(1).max(MAX_ERROR_CODE_LENGTH),
  message: z.string().max(MAX_ERROR_MESSAGE_LENGTH),
})

/** What a provider created for us and charges for, and the attempt that created it. */
export const providerTaskSchema = z.strictObject({ id: z.string().min(1).max(500), attempt: attemptSchema })

/** How much was used of what a provider charges for, such as `{completionTokens: 1200}`; `{}`: it charges nothing. */
const unitsSchema = z
  .record(z.string().regex(/^\w{1,40}$/), z.int().min(0).max(1_000_000_000_000))
  .refine((units) => Object.keys(units).length <= MAX_UNITS, `must be at most ${MAX_UNITS}`)

/** What became of attempts' creates, as far as it is known. Without units: something may have been made, and charged for. */
const usageSchema = z.array(z.strictObject({ attempt: attemptSchema, units: unitsSchema.optional() })).max(100)

/** How an attempt failed: the fields that all such messages share. */
export const failureFields = {
  error: taskErrorSchema,
  retryable: z.boolean(),
  /** The provider itself asked for this pause before the next attempt. */
  retryAfterSeconds: z.number().min(0).max(DAY_SECONDS).optional(),
  /** The provider's task is over, so the next attempt must not resume it. */
  providerEnded: z.boolean().optional(),
  usage: usageSchema.optional(),
}
/** Which row is meant: its id may be reused for another task, its key is not. */
const aboutTask = { apiCallId: idSchema, taskKey: taskKeySchema.optional() }
const fromRun = { ...aboutTask, attempt: attemptSchema, runId: runIdSchema }
const fromProcessor = { ...aboutTask, attempt: attemptSchema, fencingToken: token }

/** Reports of a run, fenced by attempt and runId. */
function runReportSchema<R extends z.ZodType>(result: R) {
  return z.discriminatedUnion('status', [
    z.strictObject({ ...fromRun, status: z.literal('begin'), createIntent: z.boolean().optional() }),
    // The provider is being asked, or has accepted the named task.
    z.strictObject({ ...fromRun, status: z.literal('processing'), providerTask: providerTaskSchema.optional() }),
    // For people only, without a change of status: what the run waits for, and that the wait is over.
    z.strictObject({
      ...fromRun,
      status: z.literal('waiting'),
      reason: taskErrorSchema,
      nextTrySeconds: z.number().min(0).max(DAY_SECONDS).optional(),
    }),
    z.strictObject({ ...fromRun, status: z.literal('resumed') }),
    z.strictObject({ ...fromRun, status: z.literal('completed'), result, usage: usageSchema.optional() }),
    z.strictObject({ ...fromRun, status: z.literal('failed'), ...failureFields }),
  ])
}

/** Reports of a task processor or reconciler, fenced by attempt and token; a claim may propose its token. */
function processorReportSchema<R extends z.ZodType>(result: R) {
  return z.discriminatedUnion('status', [
    z.strictObject({
      ...aboutTask,
      status: z.literal('queued'),
      fencingToken: token.optional(),
      alone: z.boolean().optional(),
    }),
    z.strictObject({ ...fromProcessor, status: z.literal('released') }),
    // Verdicts: what a processor learned about a run from Temporal, or that the attempt cannot be started.
    z.strictObject({ ...fromProcessor, status: z.literal('running') }),
    z.strictObject({ ...fromProcessor, status: z.literal('closed') }),
    z.strictObject({ ...fromProcessor, status: z.literal('completed'), result, usage: usageSchema.optional() }),
    z.strictObject({
      ...fromProcessor,
      status: z.literal('failed'),
      ...failureFields,
      /** The run that this is about, if any: it may have begun without the row knowing it. */
      seenRunId: runIdSchema.optional(),
    }),
  ])
}

/** A report as main parses it. Its form determines the sender; the message does not name it. */
export function reportSchema<R extends z.ZodType>(result: R) {
  return z.union([
    runReportSchema(result).transform((report) => ({ ...report, from: 'run' as const })),
    processorReportSchema(result).transform((report) => ({ ...report, from: 'processor' as const })),
  ])
}

/** Who asks, for the task's timeline. */
export const bySchema = z.string().max(MAX_USER_ID_LENGTH).regex(/\S/, 'must say who asks').trim()
/** Why, for the timeline and the record of operators' acts. */
export const whySchema = z.string().max(1000)
/** Where it may not be missing. */
export const statedWhySchema = z.string('must say why').max(1000).regex(/\S/, 'must say why')
export const cancelTaskSchema = z.strictObject({
  apiCallId: idSchema,
  by: bySchema,
  reason: whySchema.optional(),
})
export const retryTaskSchema = z.strictObject({
  apiCallId: idSchema,
  by: bySchema,
  extraAttempts: z.number().int().min(1).max(100).default(1),
  reason: whySchema.optional(),
})

export const letThroughSchema = z.strictObject({
  apiCallId: idSchema,
  by: bySchema,
  reason: statedWhySchema,
})

/** "This attempt is about to ask the provider to create something": recorded before the provider is asked. */
const createIntentSchema = z.object({ attempt: z.number().int(), at: z.number() })
export const claimAnswerSchema = z.object({
  attempt: z.number().int(),
  fencingToken: z.string(),
  leaseSeconds: z.number(),
  takeOver: z.boolean(),
  runId: z.string().optional(),
  /** The claim's span, whose trace the run continues. */
  traceparent: z.string().optional(),
})
export const beginAnswerSchema = z.object({
  providerTask: providerTaskSchema.optional(),
  /** Attempts with an open create intent, except the run's own. */
  openIntents: z.array(createIntentSchema),
})

export type CreateIntent = z.infer<typeof createIntentSchema>
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>
export type Begun = z.infer<typeof beginAnswerSchema>
export type ProviderTask = z.infer<typeof providerTaskSchema>
export type TaskError = z.infer<typeof taskErrorSchema>
export type Failure = z.infer<z.ZodObject<typeof failureFields>>
export type Units = z.infer<typeof unitsSchema>
export type Usage = z.infer<typeof usageSchema>

/** A message without the address of its row. */
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
/** How an attempt ended, as reported by its run or by a verdict. */
export type Outcome = Of<RunReport | Verdict, 'completed' | 'failed'>

export type OperatorRequest =
  | ({ status: 'cancelled' } & Message<z.infer<typeof cancelTaskSchema>>)
  | ({ status: 'retry' } & Message<z.infer<typeof retryTaskSchema>>)
  | ({ status: 'letThrough' } & Message<z.infer<typeof letThroughSchema>>)

/** A message and its sender, as `decide` takes it. */
export type TaskRequest =
  | (RunReport & { from: 'run' })
  | (ProcessorReport & { from: 'processor' })
  | (OperatorRequest & { from: 'operator' })
