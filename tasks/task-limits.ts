/**
 * How many tasks there may be at once: of an integration in flight, as a provider takes only so many, and of a user
 * open, so that one user's do not crowd out the others'. Who asks takes turns with others until its transaction ends,
 * in all processes, so that no two of them take the one free place.
 */
import { APIError } from '../lib/api.js'
import { isOpen } from './claimable.js'
import type { TaskReader } from './task-reader.js'

/** Whether no more tasks may join those in flight; for the transaction in which one would. */
export async function isFull(tasks: TaskReader, max: number): Promise<boolean> {
  await tasks.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${tasks.names.apiCall}:in-flight`])
  return (await tasks.countInFlight()) >= max
}

/**
 * Makes sure that a user may have one more task open; for the transaction that creates it.
 *
 * @param userId null for all who have no name, together
 * @throws APIError 429
 */
export async function ensureMayOpenTask(tasks: TaskReader, userId: string | null, max: number): Promise<void> {
  const { names, calls } = tasks
  const lock = `${names.apiCall}:open:${userId ?? ''}`
  await tasks.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lock])
  // No index serves IS NOT DISTINCT FROM.
  const own = `${calls.column('userId')} ${userId === null ? 'IS NULL' : '= $1'}`
  const sql = `SELECT count(*)::int AS count FROM ${calls.table} WHERE ${own} AND ${isOpen(calls)}`
  const [row] = await tasks.query<{ count: number }>(sql, userId === null ? [] : [userId])
  if ((row?.count ?? 0) < max) return
  const error = `As many of your tasks are open as may be (${max}). Ask again when one of them has ended`
  throw new APIError(429, { success: false, error, reason: 'too_many_open_tasks' })
}
