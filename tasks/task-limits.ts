/**
 * Limits on simultaneous tasks: those of an integration in flight, because of the provider's capacity, and of one user
 * those in flight and the open ones, so that they do not crowd out other users'. Callers hold a lock until their
 * transaction ends, across all processes, so that no two of them take the last free place.
 */
import { APIError } from '../lib/api.js'
import type { NoPlace, TaskPolicy } from '../protocol/index.js'
import { inFlight, isOpen } from './claimable.js'
import type { TaskReader } from './task-reader.js'

export interface InFlightLimits {
  /** Most tasks that may be queued or processing at once. Default: any number. */
  maxTasksInFlight?: number | undefined
  /** Most tasks of one user that may be queued or processing at once. Default: any number. */
  maxTasksInFlightPerUser?: number | undefined
}

/** How an integration's tasks are handled. */
export interface TaskRules extends InFlightLimits {
  /** Set if an operator has paused the integration. */
  paused?: { since: number }
  policy: TaskPolicy
  /** Most tasks that one user may have open. Default: any number. */
  maxOpenTasksPerUser?: number | undefined
}

/** How many more tasks may join those in flight. */
class Places {
  constructor(
    public free: number,
    private readonly perUser: number,
    /** By user: the tasks in flight. */
    private readonly taken: Map<string, number>,
    private readonly full: NoPlace = 'at_capacity',
  ) {}

  /** Why a user's task may not join, if so. */
  whyNone(userId: string | null): NoPlace | undefined {
    if (this.free <= 0) return this.full
    return (this.taken.get(userId ?? '') ?? 0) >= this.perUser ? 'user_at_capacity' : undefined
  }

  take(userId: string | null): void {
    this.free -= 1
    this.taken.set(userId ?? '', (this.taken.get(userId ?? '') ?? 0) + 1)
  }
}

/** The places that are free; call it in the transaction in which tasks would join. */
export async function freePlaces(
  tasks: TaskReader,
  { maxTasksInFlight: max = Number.POSITIVE_INFINITY, maxTasksInFlightPerUser: perUser, paused }: TaskRules,
): Promise<Places> {
  if (paused) return new Places(0, 0, new Map(), 'paused')
  if (max !== Number.POSITIVE_INFINITY || perUser !== undefined) {
    await tasks.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${tasks.names.apiCall}:in-flight`])
  }
  if (perUser !== undefined) {
    const taken = await countPerUser(tasks)
    const total = [...taken.values()].reduce((sum, count) => sum + count, 0)
    return new Places(max - total, perUser, taken)
  }
  const free = max === Number.POSITIVE_INFINITY ? max : max - (await tasks.countInFlight())
  return new Places(free, Number.POSITIVE_INFINITY, new Map())
}

/** The tasks in flight of each user that has some; those of all anonymous callers together are under ''. */
async function countPerUser(tasks: TaskReader): Promise<Map<string, number>> {
  const { calls } = tasks
  const user = `coalesce(${calls.column('userId')}, '')`
  const sql = `SELECT ${user} AS "user", count(*)::int AS count FROM ${calls.table} WHERE ${inFlight(calls.column('status'))} GROUP BY 1`
  const rows = await tasks.query<{ user: string; count: number }>(sql, [])
  return new Map(rows.map(({ user, count }) => [user, count]))
}

/** How many tasks in flight are of the same user as this one. */
export async function countOfSameUser(tasks: TaskReader, taskKey: string): Promise<number> {
  const { table, column } = tasks.calls
  const user = `coalesce(${column('userId')}, '')`
  const sql =
    `SELECT count(*)::int AS count FROM ${table} WHERE ${inFlight(column('status'))}` +
    ` AND ${user} = (SELECT ${user} FROM ${table} WHERE ${column('taskKey')} = $1)`
  const [row] = await tasks.query<{ count: number }>(sql, [taskKey])
  return row?.count ?? 0
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
