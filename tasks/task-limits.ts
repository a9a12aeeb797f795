/**
 * Limits on simultaneous tasks: those of an integration in flight, because of the provider's capacity, and the open
 * ones of one user, so that they do not crowd out other users'. Callers hold a lock until their transaction ends,
 * across all processes, so that no two of them take the last free place.
 */
import { APIError } from '../lib/api.js'
import type { TaskPolicy } from '../protocol/index.js'
import { isOpen } from './claimable.js'
import type { TaskReader } from './task-reader.js'

/** How an integration's tasks are handled. */
export interface TaskRules {
  policy: TaskPolicy
  /** Most tasks that may be queued or processing at once. Default: any number. */
  maxTasksInFlight?: number | undefined
  /** Most tasks that one user may have open. Default: any number. */
  maxOpenTasksPerUser?: number | undefined
}

/** Whether the limit in flight is reached; call it in the transaction in which a task would join. */
export async function isFull(tasks: TaskReader, max: number): Promise<boolean> {
  return (await freePlaces(tasks, max)) <= 0
}

/** How many more may join; call it in the transaction in which they would. */
export async function freePlaces(tasks: TaskReader, max: number): Promise<number> {
  await tasks.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${tasks.names.apiCall}:in-flight`])
  return max - (await tasks.countInFlight())
}

/**
 * Checks that a user may have one more open task; call it in the transaction that creates the task.
 *
 * @param userId null for all anonymous callers together
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
