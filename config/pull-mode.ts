import { z } from 'zod'
import { numberFromText } from '../lib/from-text.js'
import { ANSWER_TIMEOUT_MS, DAY_SECONDS, MAX_LISTED, MAX_WAIT_SECONDS } from '../protocol/limits.js'

/** At most a day: Node's timers end at once when they are given more than 24. */
const milliseconds = numberFromText(
  z
    .number()
    .int()
    .min(1)
    .max(DAY_SECONDS * 1000),
)

/** How the task processor pulls: every option, with its default. */
export const pullModeSchema = z.strictObject({
  /** Pause between polls while tasks keep coming. Default 1 s. */
  pollIntervalMs: milliseconds.default(1000),
  /** To what that pause grows while none do, or a gate is closed. Default 5 s. */
  maxPollIntervalMs: milliseconds.default(5000),
  /** For how long main may park a fetch while it has no task; 0 for not at all. Default 20 s. */
  waitSeconds: numberFromText(z.number().min(0).max(MAX_WAIT_SECONDS)).default(20),
  /** Most tasks fetched at once, per integration. Default 10. */
  batchSize: numberFromText(z.number().int().min(1).max(MAX_LISTED)).default(10),
  /** Workflow starts under way at once, per integration. Default 8. */
  startConcurrency: numberFromText(z.number().int().min(1).max(100)).default(8),
  /** Tasks waiting in an integration's Temporal queues at which claiming pauses. Default 1000. */
  maxBacklog: numberFromText(z.number().int().min(1)).default(1000),
  /** Pause between rounds of looking at runs that are under way. Default 15 s. */
  reconcileIntervalMs: milliseconds.default(15_000),
  /** Runs that were looked at more recently than this are left alone. Default 60 s. */
  uncheckedForSeconds: numberFromText(z.number().min(0).max(DAY_SECONDS)).default(60),
  /** How long one request to main may take, beyond `waitSeconds`. Default 10 s. */
  requestTimeoutMs: milliseconds.default(ANSWER_TIMEOUT_MS),
  /** How long one call to Temporal may take. Default 5 s. */
  temporalTimeoutMs: milliseconds.default(5000),
})

export type PullModeOptions = z.infer<typeof pullModeSchema>
