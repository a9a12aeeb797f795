/** Removes tasks that ended long ago, a batch at a time, for as long as main runs. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Controller } from 'interaqt'
import type { Logger } from 'pino'
import type { AppConfig } from '../config.js'
import type { IAggregatedIntegration } from '../integrations/index.js'
import { databaseTime, reading } from '../integrations/shared/database.js'
import { DAY_SECONDS } from '../integrations/shared/protocol/limits.js'
import type { EndedBefore } from '../integrations/shared/retention.js'

export interface RetentionOptions {
  controller: Controller
  integrations: Pick<IAggregatedIntegration, 'removeEnded'>
  retention: AppConfig['components']['main']['retention']
  logger: Logger
  /** Aborted when main stops. */
  stopping: AbortSignal
  /** Pause between rounds. Default: ten minutes. */
  intervalMs?: number
  /** Unix seconds. Default: the database's time. */
  now?: () => Promise<number>
}

const ROUND_EVERY_MS = 600_000
/** After each batch, so that whatever else main does goes on beside it. */
const BETWEEN_BATCHES_MS = 50

/** Starts the rounds; resolves once `stopping` has ended them. */
export async function keepRemoving(options: RetentionOptions): Promise<void> {
  const { retention, stopping, logger, intervalMs = ROUND_EVERY_MS } = options
  if (Object.values(retention).every((days) => days === 0)) return
  while (await paused(intervalMs, stopping)) {
    try {
      const removed = await removeRound(options)
      if (removed > 0) logger.info({ removed }, 'tasks that ended long ago were removed')
    } catch (error) {
      logger.warn({ err: error }, 'ended tasks are not removed for now')
    }
  }
}

/** Removes all that is to be removed now, and gives how many tasks that were. */
async function removeRound({ controller, integrations, retention, stopping, ...options }: RetentionOptions) {
  const { now = () => reading(controller, 'retention:now', () => databaseTime(controller)) } = options
  const time = await now()
  const before = (days: number) => (days === 0 ? undefined : time - days * DAY_SECONDS)
  const endedBefore: EndedBefore = {
    completed: before(retention.completedDays),
    failed: before(retention.failedDays),
    cancelled: before(retention.cancelledDays),
  }
  let removed = 0
  let batch: number
  do {
    batch = await integrations.removeEnded(controller, endedBefore)
    removed += batch
  } while (batch > 0 && (await paused(BETWEEN_BATCHES_MS, stopping)))
  return removed
}

/** @returns whether to go on */
async function paused(ms: number, stopping: AbortSignal): Promise<boolean> {
  await delay(ms, undefined, { signal: stopping, ref: false }).catch(() => {})
  return !stopping.aborted
}
