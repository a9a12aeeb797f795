/**
 * Tasks that ended long ago are removed, with their events and their idempotency keys. Nobody can move such a row any
 * more but an operator: a failed one is among them once no attempt is left, a cancelled one once its run was seen closed.
 */
import type { Controller } from 'interaqt'
import { createArtifactNotes, noteArtifacts } from './artifact-notes.js'
import { createIndex, type PhysicalEntity, physicalEntity } from './database/sql.js'
import { IDEMPOTENCY_KEYS } from './idempotency.js'
import type { TaskReader } from './task-reader.js'

export const ENDS = ['completed', 'failed', 'cancelled'] as const

/** By how it ended: a task that ended before this time, unix seconds, is removed. Without one, it is kept. */
export type EndedBefore = Partial<Record<(typeof ENDS)[number], number | undefined>>

/** What to remove at once. */
export interface RemovalBatch {
  endedBefore: EndedBefore
  /** Most tasks. All that it locks stays locked until it ends, and PGLite does nothing beside it. */
  limit: number
  /** Whether what the tasks' results name is to be removed from where it is stored too. */
  artifacts: 'keep' | 'remove'
}

/**
 * Removes one batch of the tasks that ended so long ago, those first that ended first. The business record that asked
 * for a task is the application's, and stays. Artifacts are noted, in the same statement: see artifact-notes.ts.
 *
 * @returns how many were removed: none also where another main is at it
 */
export async function removeEndedTasks(tasks: TaskReader, batch: RemovalBatch): Promise<number> {
  for (const end of ENDS) {
    const before = batch.endedBefore[end]
    const removed = before === undefined ? 0 : await removeBatch(tasks, end, before, batch)
    if (removed > 0) return removed
  }
  return 0
}

/**
 * One statement, and so one transaction that ends in the database itself: its locks wait neither for this process nor
 * for the disk. What a crash of the database brings back is removed again.
 */
async function removeBatch(
  tasks: TaskReader,
  end: string,
  before: number,
  { limit, artifacts }: RemovalBatch,
): Promise<number> {
  const { controller, names, calls, events } = tasks
  const [id, taskKey] = [calls.column('id'), calls.column('taskKey')]
  const keys = hasKeys(controller) ? physicalEntity(controller, IDEMPOTENCY_KEYS) : undefined
  const sql =
    // A turn is had until the statement's end, over all processes, and is not waited for.
    `WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended($4, 0)) AS taken,` +
    " set_config('synchronous_commit', 'off', true))," +
    ` ended AS MATERIALIZED (SELECT ${id} AS id, ${taskKey} AS key, ${calls.column('result')} AS result` +
    ` FROM ${calls.table} WHERE (SELECT taken FROM turn) AND ${hasEnded(calls)} AND ${calls.column('status')} = $1` +
    ` AND ${endedAt(calls)} < $2 ORDER BY ${endedAt(calls)} LIMIT $3 FOR UPDATE SKIP LOCKED),` +
    ` of_events AS (DELETE FROM ${events.table} WHERE ${events.column('apiCallId')} = ANY(ARRAY(SELECT id::text FROM ended))),` +
    (keys
      ? ` of_keys AS (DELETE FROM ${keys.table} WHERE ${keys.column('taskId')} = ANY(ARRAY(SELECT key FROM ended))),`
      : '') +
    (artifacts === 'remove' ? ` of_artifacts AS (${noteArtifacts('ended')}),` : '') +
    ` of_calls AS (DELETE FROM ${calls.table} WHERE ${id} = ANY(ARRAY(SELECT id FROM ended)) RETURNING 1)` +
    ' SELECT count(*)::int AS removed FROM of_calls'
  const turn = `${names.apiCall}:remove-ended`
  // May be asked again where the connection is lost: what is removed then is another batch.
  const values = [end, before, limit, turn]
  const [row] = await tasks.read('remove-ended', () => tasks.query<{ removed: number }>(sql, values))
  return row?.removed ?? 0
}

/** No attempt is left, none is under way, and no run is to be seen closed. */
export function hasEnded({ column }: PhysicalEntity): string {
  const [status, claimableAt, uncheckedSince] = [column('status'), column('claimableAt'), column('uncheckedSince')]
  const ends = ENDS.map((end) => `'${end}'`).join(', ')
  return `${status} IN (${ends}) AND ${claimableAt} IS NULL AND ${uncheckedSince} IS NULL`
}

/** Rows of earlier versions do not say when they ended: theirs is then the time of the last claim. */
export function endedAt({ column }: PhysicalEntity): string {
  return `COALESCE((${column('state')} ->> 'statusSince')::float8, ${column('startedAt')}, ${column('createdAt')})`
}

/** Makes what removing needs beside the tasks' own indexes, once for all integrations. May run again and again. */
export async function prepareRemoval(controller: Controller): Promise<void> {
  await createArtifactNotes(controller)
  if (!hasKeys(controller)) return
  const { table, column } = physicalEntity(controller, IDEMPOTENCY_KEYS)
  await createIndex(controller, { name: `${IDEMPOTENCY_KEYS}_of_task`, table, keys: column('taskId') })
}

/** The application's model has keys where an integration has a public API. */
function hasKeys(controller: Controller): boolean {
  return controller.system.storage.schema.records.some(({ recordName }) => recordName === IDEMPOTENCY_KEYS)
}
