/**
 * Retention: removes tasks that ended long ago, with their events and idempotency keys. Only an operator could still
 * move such a row: a failed one counts once no attempt is left, a cancelled one once its run was seen closed, and any once
 * its webhook is delivered or given up.
 */
import type { Controller } from 'interaqt'
import { createArtifactNotes, noteArtifacts } from './artifact-notes.js'
import { createIndex, type PhysicalEntity, physicalEntity } from './database/sql.js'
import { IDEMPOTENCY_KEYS } from './idempotency.js'
import type { TaskReader } from './task-reader.js'

export const ENDS = ['completed', 'failed', 'cancelled'] as const

/** For each outcome, the time in unix seconds: tasks that ended before it are removed. Without one, they are kept. */
export type EndedBefore = Partial<Record<(typeof ENDS)[number], number | undefined>>

/** What to remove at once. */
export interface RemovalBatch {
  endedBefore: EndedBefore
  /** The most tasks in a batch. They stay locked until it ends, and PGLite does nothing else meanwhile. */
  limit: number
  /** Whether the artifacts that the tasks' results name are to be removed, too. */
  artifacts: 'keep' | 'remove'
}

/**
 * Removes one batch of ended tasks, those that ended first. The business record that requested a task belongs to the
 * application, and stays. The same statement notes the artifacts: see artifact-notes.ts.
 *
 * @returns how many were removed: also none if another main is removing
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
 * for the disk. If a crash of the database brings rows back, they are removed again.
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
    // The lock is held until the statement's end, across all processes. It is not waited for.
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
  // Safe to retry if the connection is lost: it then removes another batch.
  const values = [end, before, limit, turn]
  const [row] = await tasks.read('remove-ended', () => tasks.query<{ removed: number }>(sql, values))
  return row?.removed ?? 0
}

/** No attempt is left or under way, no run has to be seen closed, and no webhook is to be delivered. */
export function hasEnded({ column }: PhysicalEntity): string {
  const [status, claimableAt, uncheckedSince] = [column('status'), column('claimableAt'), column('uncheckedSince')]
  const webhookDueAt = column('webhookDueAt')
  const ends = ENDS.map((end) => `'${end}'`).join(', ')
  return `${status} IN (${ends}) AND ${claimableAt} IS NULL AND ${webhookDueAt} IS NULL AND ${uncheckedSince} IS NULL`
}

/** Rows of earlier versions do not have the time of their end: the time of their last claim is used. */
export function endedAt({ column }: PhysicalEntity): string {
  return `COALESCE((${column('state')} ->> 'statusSince')::float8, ${column('startedAt')}, ${column('createdAt')})`
}

/** Makes what retention needs besides the tasks' own indexes, once for all integrations. Idempotent. */
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
