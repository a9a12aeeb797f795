/**
 * Limits on simultaneous tasks: those of an integration in flight, because of the provider's capacity, and of one user
 * those in flight and the open ones, so that they do not crowd out other users'. Callers hold a lock until their
 * transaction ends, across all processes, so that no two of them take the last free place.
 */
import { APIError } from '../lib/api.js'
import type { NoPlace, TaskPolicy } from '../protocol/index.js'
import { type Budgets, type BudgetsInForce, placesOfAll, placesOfUsers } from './budgets.js'
import { inFlight, isOpen } from './claimable.js'
import type { LockedTask, TaskReader } from './task-reader.js'

export interface InFlightLimits {
  /** Most tasks that may be queued or processing at once. Default: any number. */
  maxTasksInFlight?: number | undefined
  /** Most tasks of one user that may be queued or processing at once. Default: any number. */
  maxTasksInFlightPerUser?: number | undefined
  /** What budgets leave now; undefined without any. */
  budgets?: BudgetsInForce | undefined
}

/** How an integration's tasks are handled. */
export interface TaskRules extends InFlightLimits, Budgets {
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
    /** Within the integration's budget. */
    public affordable = Number.POSITIVE_INFINITY,
  ) {}

  /**
   * Why a user's task may not join, if so.
   *
   * @param withinBudgets of the user's, how many may be in flight; undefined if an operator lets the task through
   */
  whyNone(userId: string | null, withinBudgets: number | undefined): NoPlace | undefined {
    if (this.free <= 0) return this.full
    const taken = this.taken.get(userId ?? '') ?? 0
    if (taken >= this.perUser) return 'user_at_capacity'
    if (withinBudgets === undefined) return undefined
    if (this.affordable <= 0) return 'over_budget'
    return taken >= withinBudgets ? 'user_over_budget' : undefined
  }

  take(userId: string | null): void {
    this.free -= 1
    this.affordable -= 1
    this.taken.set(userId ?? '', (this.taken.get(userId ?? '') ?? 0) + 1)
  }
}

/** Whether any number of tasks may join those in flight. */
export function isUnlimited(rules: TaskRules): boolean {
  const { maxTasksInFlight, maxTasksInFlightPerUser, budget, budgetPerUser } = rules
  return [maxTasksInFlight, maxTasksInFlightPerUser, budget, budgetPerUser].every((limit) => limit === undefined)
}

/** The places that are free; call it in the transaction in which tasks would join. */
export async function freePlaces(tasks: TaskReader, rules: TaskRules): Promise<Places> {
  const { maxTasksInFlight: max = Number.POSITIVE_INFINITY, maxTasksInFlightPerUser: perUser, paused } = rules
  if (paused) return new Places(0, 0, new Map(), 'paused')
  if (isUnlimited(rules)) return new Places(max, Number.POSITIVE_INFINITY, new Map())
  const ofUsers = perUser !== undefined || rules.budgetPerUser !== undefined
  await tasks.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${tasks.names.apiCall}:in-flight`])
  const taken = ofUsers ? await countPerUser(tasks) : new Map<string, number>()
  const total = ofUsers ? [...taken.values()].reduce((sum, count) => sum + count, 0) : await tasks.countInFlight()
  const affordable = (await placesOfAll(tasks, rules, rules.policy.prices)) - total
  return new Places(max - total, perUser ?? Number.POSITIVE_INFINITY, taken, 'at_capacity', affordable)
}

/**
 * Of each task, how many its user's budget allows in flight; undefined for those that an operator lets through. Read it
 * after the places: a task that ends between counts twice.
 */
export async function withinBudgets(
  tasks: TaskReader,
  rules: TaskRules,
  rows: ReadonlyArray<Pick<LockedTask, 'userId' | 'state'>>,
): Promise<Array<number | undefined>> {
  const userIds = rows.map(({ userId }) => userId)
  const places = await placesOfUsers(tasks, rules, rules.policy.prices, userIds)
  return rows.map(({ userId, state }) =>
    state.letThrough ? undefined : (places.get(userId ?? '') ?? Number.POSITIVE_INFINITY),
  )
}

/** The tasks in flight of each user that has some; those of all anonymous callers together are under ''. */
async function countPerUser(tasks: TaskReader): Promise<Map<string, number>> {
  const { calls } = tasks
  const user = `coalesce(${calls.column('userId')}, '')`
  const sql = `SELECT ${user} AS "user", count(*)::int AS count FROM ${calls.table} WHERE ${inFlight(calls.column('status'))} GROUP BY 1`
  const rows = await tasks.query<{ user: string; count: number }>(sql, [])
  return new Map(rows.map(({ user, count }) => [user, count]))
}

/** A task's user, '' for callers without an id, and how many of their tasks are in flight. */
export async function ofSameUser(tasks: TaskReader, taskKey: string): Promise<{ user: string; count: number }> {
  const { table, column } = tasks.calls
  const user = `coalesce(${column('userId')}, '')`
  const sql =
    `SELECT own.id AS "user", (SELECT count(*)::int FROM ${table} WHERE ${inFlight(column('status'))} AND ${user} = own.id)` +
    ` AS count FROM (SELECT ${user} AS id FROM ${table} WHERE ${column('taskKey')} = $1) AS own`
  const [row] = await tasks.query<{ user: string; count: number }>(sql, [taskKey])
  return row ?? { user: '', count: 0 }
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
