/** Turns what main tells of, and what its database holds, into the metrics of `metrics.ts`. */
import type { Logger } from 'pino'
import { unlessAborted, withTimeout } from '../lib/abort.js'
import { boundedCodes, buildInfo, createMetrics, type ServedMetrics } from '../lib/metrics.js'
import { currentAttempt, isLive } from '../protocol/index.js'
import { CREATE_ANSWER_LOST } from '../protocol/names.js'
import { requestRefused } from '../tasks/apis/carry-out.js'
import type { AskingDaemons } from '../tasks/daemon-rows.js'
import type { SpendNumbers } from '../tasks/spend.js'
import type { TaskNumbers } from '../tasks/task-numbers.js'
import { type LoggedTask, type StoredStep, secondsInStatus, taskStepped } from '../tasks/transition-log.js'
import { MAIN_METRICS } from './metrics.js'

interface Counted extends TaskNumbers {
  daemons: AskingDaemons
  /** Missing where nobody knows what tasks cost. */
  spend?: SpendNumbers | undefined
}

export type CountedNumbers = Array<[namespace: string, numbers: Counted]>

export interface CountMetricsOptions {
  /** The driver. */
  database: object
  /** What each integration has under way, has spent, and the daemons that ask for it. */
  readNumbers(): Promise<CountedNumbers>
  logger: Pick<Logger, 'warn'>
}

/** Scrapes, however many, count the tasks once in this time; and once in a hundred times of what counting them took. */
const COUNTED_FOR_MS = 5_000
const MOST_OF_TIME = 100
const COUNT_TIMEOUT_MS = 3_000

const OPEN_STATUSES = ['pending', 'queued', 'processing', 'failed'] as const

export function countMetrics({ database, readNumbers, logger }: CountMetricsOptions): ServedMetrics {
  const metrics = createMetrics(MAIN_METRICS)
  const of = metrics.of
  of.asynctask_build_info.set(buildInfo('main'), 1)
  const boundedCode = boundedCodes()

  const count = (task: LoggedTask, { event, before, after, at }: StoredStep) => {
    const integration = task.namespace
    if (event.type === 'queued' && before.status === 'queued') of.asynctask_takeovers_total.inc({ integration })
    else if (event.type === 'queued' && !event.adopted) {
      of.asynctask_claims_total.inc({ integration })
      const dueSince = Math.max(before.dueAt, task.createdAt)
      of.asynctask_pickup_duration_seconds.observe({ integration }, Math.max(0, at - dueSince))
    }
    const { status } = before
    if ((status === 'queued' || status === 'processing') && after.status !== status) {
      const seconds = secondsInStatus(before, at, task.createdAt)
      if (seconds !== undefined) of.asynctask_status_duration_seconds.observe({ integration, status }, seconds)
    }
    if (isLive(before) && (event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled')) {
      of.asynctask_attempts_total.inc({ integration, outcome: event.type })
    }
    if (event.type !== 'failed') return
    of.asynctask_attempt_failures_total.inc({ integration, code: boundedCode(integration, event.error.code) })
    const attempt = currentAttempt(before)
    const isOpen = after.openIntents.some((intent) => intent.attempt === attempt)
    // One that has failed for good has no intent any more: an operator decides.
    const isLost = event.error.code === CREATE_ANSWER_LOST && !(event.retryable && event.providerEnded)
    if (isOpen || isLost) of.asynctask_ambiguous_creates_total.inc({ integration })
  }

  const lookUp = async () => {
    const found = await withTimeout(COUNT_TIMEOUT_MS, [], (soon) => unlessAborted(readNumbers(), soon))
    for (const [integration, { counts, oldestDueSeconds, longestUncheckedSeconds, spend, daemons }] of found) {
      for (const status of OPEN_STATUSES) of.asynctask_tasks.set({ integration, status }, counts[status] ?? 0)
      of.asynctask_oldest_due_age_seconds.set({ integration }, oldestDueSeconds)
      of.asynctask_unchecked_run_age_seconds.set({ integration }, longestUncheckedSeconds)
      const { askedSecondsAgo, ...byState } = daemons
      for (const [state, count] of Object.entries(byState)) of.asynctask_daemons.set({ integration, state }, count)
      if (askedSecondsAgo !== null) of.asynctask_daemon_asked_age_seconds.set({ integration }, askedSecondsAgo)
      if (!spend) continue
      const labels = { integration, currency: spend.currency }
      of.asynctask_spend_today.set(labels, inUnits(spend.day))
      of.asynctask_spend_this_month.set(labels, inUnits(spend.month))
      of.asynctask_ambiguous_spend_this_month.set(labels, inUnits(spend.ambiguousOfMonth))
    }
    of.asynctask_database_up.set(1)
  }
  // What was true of a database that is away may not be so any more.
  const forget = (error: unknown) => {
    logger.warn({ err: error }, 'the metrics lack what the database would tell')
    const counted = [of.asynctask_tasks, of.asynctask_oldest_due_age_seconds, of.asynctask_unchecked_run_age_seconds]
    const spent = [of.asynctask_spend_today, of.asynctask_spend_this_month, of.asynctask_ambiguous_spend_this_month]
    const asking = [of.asynctask_daemons, of.asynctask_daemon_asked_age_seconds]
    for (const gauge of [...counted, ...spent, ...asking]) gauge.reset()
    of.asynctask_database_up.set(0)
    return false
  }
  let looking: Promise<void> | null = null
  let freshUntil = Number.NEGATIVE_INFINITY
  const look = async () => {
    const from = performance.now()
    const isKnown = await lookUp().then(
      () => true,
      (error: unknown) => forget(error),
    )
    const till = performance.now()
    freshUntil = till + (isKnown ? Math.max(COUNTED_FOR_MS, MOST_OF_TIME * (till - from)) : COUNTED_FOR_MS)
    looking = null
  }
  metrics.beforeRead(() => {
    if (performance.now() > freshUntil) looking ??= look()
    return looking ?? undefined
  })
  metrics.beforeRead(() => {
    for (const [state, value] of Object.entries(connectionsOf(database))) {
      of.asynctask_database_connections.set({ state }, value)
    }
  })

  return metrics.serve([
    taskStepped.listen(({ task, steps }) => {
      for (const step of steps) count(task, step)
    }),
    requestRefused.listen(({ namespace: integration, reason }) => {
      of.asynctask_refusals_total.inc({ integration, reason })
    }),
  ])
}

/** Prometheus has floats alone. */
function inUnits(micros: number): number {
  return micros / 1_000_000
}

/** Of a driver that has a pool: PGLite has none. */
function connectionsOf(database: CountMetricsOptions['database']): Record<string, number> {
  const { pool } = database as { pool?: { totalCount: number; idleCount: number; waitingCount: number } }
  if (!pool) return {}
  const { totalCount, idleCount, waitingCount } = pool
  return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount }
}
