import { z } from 'zod'
import { fromText } from '../lib/from-text.js'
import { ANSWER_TIMEOUT_MS, DAY_SECONDS, MAX_LISTED, MAX_WAIT_SECONDS } from '../protocol/limits.js'

/** At most a day: Node's timers fire at once beyond 24 days. */
const milliseconds = fromText(
  z
    .int()
    .min(1)
    .max(DAY_SECONDS * 1000),
)

/** How the task processor pulls: every option, with its default. */
export const pullModeSchema = z.strictObject({
  /** Pause between polls while tasks keep coming, if main does not wait for them (`waitSeconds`). Default 1 s. */
  pollIntervalMs: milliseconds.default(1000),
  /** The longest pause while no tasks come, or a gate is closed. Default 5 s. */
  maxPollIntervalMs: milliseconds.default(5000),
  /** Long poll: how long main may park a fetch while it has no task; 0 turns it off. Default 25 s. */
  waitSeconds: fromText(z.number().min(0).max(MAX_WAIT_SECONDS)).default(MAX_WAIT_SECONDS),
  /** Most tasks fetched at once, per integration, from a main without `claimTasks`. Default 10. */
  batchSize: fromText(z.int().min(1).max(MAX_LISTED)).default(10),
  /** Concurrent workflow starts, per integration, and so the most tasks claimed at once. Default 64. */
  startConcurrency: fromText(z.int().min(1).max(100)).default(64),
  /** Backlog of an integration's Temporal queues at which claiming pauses. Default 1000. */
  maxBacklog: fromText(z.int().min(1)).default(1000),
  /** Pause between the reconciler's rounds. Default 15 s. */
  reconcileIntervalMs: milliseconds.default(15_000),
  /** The reconciler skips runs that were checked more recently. Default 60 s. */
  uncheckedForSeconds: fromText(z.number().min(0).max(DAY_SECONDS)).default(60),
  /** Time-out of one request to main, in addition to `waitSeconds`. Default 10 s. */
  requestTimeoutMs: milliseconds.default(ANSWER_TIMEOUT_MS),
  /** Time-out of one call to Temporal. Default 5 s. */
  temporalTimeoutMs: milliseconds.default(5000),
})

export type PullModeOptions = z.infer<typeof pullModeSchema>
