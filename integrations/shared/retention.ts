/**
 * Tasks that ended long ago are removed, with their events and their idempotency keys. Nobody can move such a row any
 * more but an operator: a failed one is among them once no attempt is left, a cancelled one once its run was seen closed.
 */
import type { Controller } from 'interaqt'
import type { CallEntityNames } from './call-entities.js'
import { databaseOf, inTransaction, type PhysicalEntity, physicalEntity } from './database.js'
import { IDEMPOTENCY_KEYS } from './idempotency.js'

export const ENDS = ['completed', 'failed', 'cancelled'] as const

/** By how it ended: a task that ended before this time, unix seconds, is removed. Without one, it is kept. */
export type EndedBefore = Partial<Record<(typeof ENDS)[number], number | undefined>>

/** Rows of one transaction. Few, as all that it locks stays locked until it ends, and PGLite does nothing beside it. */
export const TASKS_A_BATCH = 25

/**
 * Removes one batch of the tasks that ended so long ago, those first that ended first. The business record that asked
 * for a task is the application's, and stays.
 *
 * @returns how many were removed: none also where another main is at it
 */
export function removeEndedTasks(
  controller: Controller,
  names: CallEntityNames,
  endedBefore: EndedBefore,
): Promise<number> {
  return inTransaction(controller, `${names.apiCall}:remove-ended`, async () => {
    if (!(await takeTurn(controller, names))) return 0
    for (const end of ENDS) {
      const before = endedBefore[end]
      const removed = before === undefined ? 0 : await removeBatch(controller, names, end, before)
      if (removed > 0) return removed
    }
    return 0
  })
}

/** Until the transaction's end, over all processes. Does not wait. */
async function takeTurn(controller: Controller, { apiCall }: CallEntityNames): Promise<boolean> {
  const sql = 'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken'
  const [row] = await databaseOf(controller).query<{ taken: boolean }>(sql, [`${apiCall}:remove-ended`])
  return row?.taken === true
}

async function removeBatch(
  controller: Controller,
  names: CallEntityNames,
  end: string,
  before: number,
): Promise<number> {
  const calls = physicalEntity(controller, names.apiCall)
  const events = physicalEntity(controller, names.integrationEvent)
  const id = calls.column('id')
  const keys = hasKeys(controller) ? physicalEntity(controller, IDEMPOTENCY_KEYS) : undefined
  const [row] = await databaseOf(controller).query<{ removed: number }>(
    `WITH ended AS MATERIALIZED (SELECT ${id} AS id, ${calls.column('taskKey')} AS key FROM ${calls.table}` +
      ` WHERE ${hasEnded(calls)} AND ${calls.column('status')} = $1 AND ${endedAt(calls)} < $2` +
      ` ORDER BY ${endedAt(calls)} LIMIT ${TASKS_A_BATCH} FOR UPDATE SKIP LOCKED),` +
      ` of_events AS (DELETE FROM ${events.table} WHERE ${events.column('apiCallId')} = ANY(ARRAY(SELECT id::text FROM ended))),` +
      (keys
        ? ` of_keys AS (DELETE FROM ${keys.table} WHERE ${keys.column('taskId')} = ANY(ARRAY(SELECT key FROM ended))),`
        : '') +
      ` of_calls AS (DELETE FROM ${calls.table} WHERE ${id} = ANY(ARRAY(SELECT id FROM ended)) RETURNING 1)` +
      ' SELECT count(*)::int AS removed FROM of_calls',
    [end, before],
  )
  return row?.removed ?? 0
}

/** No attempt is left, none is under way, and no run is to be seen closed. */
function hasEnded({ column }: PhysicalEntity): string {
  const [status, claimableAt, uncheckedSince] = [column('status'), column('claimableAt'), column('uncheckedSince')]
  const ends = ENDS.map((end) => `'${end}'`).join(', ')
  return `${status} IN (${ends}) AND ${claimableAt} IS NULL AND ${uncheckedSince} IS NULL`
}

/** Rows of earlier versions do not say when they ended: theirs is then the time of the last claim. */
function endedAt({ column }: PhysicalEntity): string {
  return `COALESCE((${column('state')} ->> 'statusSince')::float8, ${column('startedAt')}, ${column('createdAt')})`
}

/** Makes the indexes by which ended tasks, and their keys, are found. May run again and again. */
export async function createRetentionIndexes(controller: Controller, { apiCall }: CallEntityNames): Promise<void> {
  const database = databaseOf(controller)
  const calls = physicalEntity(controller, apiCall)
  await database.scheme(
    `CREATE INDEX IF NOT EXISTS "${apiCall}_ended" ON ${calls.table} (${calls.column('status')}, (${endedAt(calls)}))` +
      ` WHERE ${hasEnded(calls)}`,
  )
  if (!hasKeys(controller)) return
  const keys = physicalEntity(controller, IDEMPOTENCY_KEYS)
  await database.scheme(
    `CREATE INDEX IF NOT EXISTS "${IDEMPOTENCY_KEYS}_of_task" ON ${keys.table} (${keys.column('taskId')})`,
  )
}

/** The application's model has keys where an integration has a public API. */
function hasKeys(controller: Controller): boolean {
  return controller.system.storage.schema.records.some(({ recordName }) => recordName === IDEMPOTENCY_KEYS)
}
