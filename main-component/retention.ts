/** Retention: removes tasks that ended long ago, a batch at a time, while main runs. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Controller } from 'interaqt'
import type { Logger } from 'pino'
import type { AppConfig } from '../config/schema.js'
import type { IAggregatedIntegration } from '../integrations/index.js'
import { DAY_SECONDS } from '../protocol/limits.js'
import { removeNotedArtifacts } from '../tasks/artifact-notes.js'
import { databaseTime, reading } from '../tasks/database/sql.js'
import type { EndedBefore, RemovalBatch } from '../tasks/ended-tasks.js'

export interface RetentionOptions {
  controller: Controller
  integrations: Pick<IAggregatedIntegration, 'removeEnded'>
  retention: AppConfig['components']['main']['retention']
  /** The store from which artifacts are removed, if they are. */
  removeArtifact(key: string, signal: AbortSignal): Promise<void>
  logger: Logger
  /** Aborted when main stops. */
  stopping: AbortSignal
  /** Pause between rounds. Default: ten minutes. */
  intervalMs?: number
  /** Pause between removals of artifacts that no task names any more. Default: an hour. */
  artifactsIntervalMs?: number
  /** Unix seconds. Default: the database's time. */
  now?: () => Promise<number>
}

const ROUND_EVERY_MS = 600_000
/** Pause after each batch, so that main's other work continues. */
const BETWEEN_BATCHES_MS = 50
/** Each searches all tasks. */
const ARTIFACTS_EVERY_MS = 3_600_000
const MOST_AT_ONCE = 25
/** For one batch. If it takes longer, the next one is half as large. */
const LONG_MS = 40

/** Starts the rounds; resolves once `stopping` has ended them. */
export async function keepRemoving(options: RetentionOptions): Promise<void> {
  const { retention, stopping, logger, intervalMs = ROUND_EVERY_MS, artifactsIntervalMs = ARTIFACTS_EVERY_MS } = options
  const { completedDays, failedDays, cancelledDays, artifacts } = retention
  if ([completedDays, failedDays, cancelledDays].every((days) => days === 0)) return
  let lookedForArtifacts = Number.NEGATIVE_INFINITY
  while (await paused(intervalMs, stopping)) {
    try {
      const removed = await removeRound(options)
      if (removed > 0) logger.info({ removed }, 'tasks that ended long ago were removed')
    } catch (error) {
      logger.warn({ err: error }, 'ended tasks are not removed for now')
    }
    if (artifacts === 'keep' || performance.now() - lookedForArtifacts < artifactsIntervalMs) continue
    lookedForArtifacts = performance.now()
    await removeArtifacts(options)
  }
}

async function removeArtifacts({ controller, removeArtifact, stopping, logger }: RetentionOptions): Promise<void> {
  try {
    const removed = await removeNotedArtifacts(controller, (key) => removeArtifact(key, stopping), stopping)
    if (removed > 0) logger.info({ removed }, 'artifacts of removed tasks were removed')
  } catch (error) {
    if (!stopping.aborted) logger.warn({ err: error }, 'artifacts of removed tasks cannot be removed now, will retry')
  }
}

/** Removes everything that is due now, and returns the number of tasks. */
async function removeRound({ controller, integrations, retention, stopping, ...options }: RetentionOptions) {
  const { now = () => reading(controller, 'retention:now', () => databaseTime(controller)) } = options
  const time = await now()
  const before = (days: number) => (days === 0 ? undefined : time - days * DAY_SECONDS)
  const endedBefore: EndedBefore = {
    completed: before(retention.completedDays),
    failed: before(retention.failedDays),
    cancelled: before(retention.cancelledDays),
  }
  const { artifacts } = retention
  const removeBatch = inShortBatches((limit) => integrations.removeEnded(controller, { endedBefore, limit, artifacts }))
  let removed = 0
  let batch: number
  do {
    batch = await removeBatch()
    removed += batch
  } while (batch > 0 && (await paused(BETWEEN_BATCHES_MS, stopping)))
  return removed
}

/**
 * Chooses the batch size so that nobody waits long for the rows that a batch has locked.
 *
 * @param clock milliseconds
 */
export function inShortBatches(
  remove: (limit: RemovalBatch['limit']) => Promise<number>,
  clock = () => performance.now(),
): () => Promise<number> {
  let limit = MOST_AT_ONCE
  return async () => {
    const from = clock()
    const removed = await remove(limit)
    limit = clock() - from > LONG_MS ? Math.ceil(limit / 2) : Math.min(limit + 1, MOST_AT_ONCE)
    return removed
  }
}

/** @returns whether to go on */
async function paused(ms: number, stopping: AbortSignal): Promise<boolean> {
  await delay(ms, undefined, { signal: stopping, ref: false }).catch(() => {})
  return !stopping.aborted
}
