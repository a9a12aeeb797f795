/** How many tasks a user has open: asked for, and not ended. One user's are not to crowd out the others'. */
import type { Controller } from 'interaqt'
import { APIError } from '../lib/api.js'
import { databaseOf, type PhysicalEntity, physicalEntity } from './database/sql.js'
import type { CallEntityNames } from './entities.js'

/** The SQL condition for tasks that have not ended. A failed one is open while it may be tried again. */
export function isOpen({ column }: PhysicalEntity): string {
  return `(${column('status')} = 'processing' OR ${column('claimableAt')} IS NOT NULL)`
}

/**
 * Makes sure that a user may have one more task open, as part of the transaction that creates it. Creates for one
 * user take turns until their transactions end, in all processes, so that no two of them take the one free place.
 *
 * @param userId null for all who have no name, together
 * @throws APIError 429
 */
export async function ensureMayOpenTask(
  controller: Controller,
  { apiCall }: CallEntityNames,
  userId: string | null,
  max: number,
): Promise<void> {
  const database = databaseOf(controller)
  const calls = physicalEntity(controller, apiCall)
  await database.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${apiCall}:open:${userId ?? ''}`])
  const own = `${calls.column('userId')} ${userId === null ? 'IS NULL' : '= $1'}`
  const sql = `SELECT count(*)::int AS count FROM ${calls.table} WHERE ${own} AND ${isOpen(calls)}`
  const [row] = await database.query<{ count: number }>(sql, userId === null ? [] : [userId])
  if ((row?.count ?? 0) < max) return
  const error = `As many of your tasks are open as may be (${max}). Ask again when one of them has ended`
  throw new APIError(429, { success: false, error, reason: 'too_many_open_tasks' })
}
