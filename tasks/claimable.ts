/**
 * SQL for the claimable tasks, in the order of fetching, which reads only rows that may be claimed.
 *
 * No single index covers both what is due and who is first. So rows that may be claimed, now or later, are of three
 * classes, each with its own index: due since they were created, in the order of fetching; due at a time of their own
 * (delayed, backed off, released), by that time; and claims, by the end of their lease.
 */
import { CLOCK, type PhysicalEntity } from './database/sql.js'

/** statement_timestamp, not clock_timestamp: one time for all rows, so that an index can be used. */
export const NOW = 'extract(epoch FROM statement_timestamp())::float8'

/** If more than these became due, they are not sorted anew, but read from the first one on. */
export const MOST_SORTED = 1000

export interface Columns {
  id: string
  status: string
  /** Without it, all are of the same priority. */
  priority?: string
  createdAt: string
  claimableAt: string
}

/** The order of fetching: the highest priority first, and of one priority the oldest. */
export function inOrder({ id, priority, createdAt }: Pick<Columns, 'id' | 'priority' | 'createdAt'>): string {
  return `${priority === undefined ? '' : `(coalesce(${priority}, 0)) DESC, `}${createdAt}, ${id}`
}

/** The classes' conditions, shared by indexes and queries: an index serves only a query that has its condition. */
export function classesOf({ status, claimableAt }: Pick<Columns, 'status' | 'claimableAt'>) {
  return {
    ready: `${status} <> 'queued' AND ${claimableAt} <= 0`,
    timed: `${status} <> 'queued' AND ${claimableAt} > 0`,
    claimed: `${status} = 'queued'`,
  }
}

export interface WhoMayJoin {
  /** A condition that depends on no row: if it is false, only take-overs are allowed. Default: true. */
  mayJoin?: string
  /** An array of the ids that may join, if the limits of users count. */
  chosen?: string | undefined
  /** With budgets: the condition that those go by which an operator lets through, and the column that tells them. */
  letThrough?: { mayJoin: string; state: string } | undefined
}

/** The ids of up to `limit` claimable tasks, in the order of fetching. */
export function selectClaimable(
  table: string,
  columns: Columns,
  limit: number,
  { mayJoin = 'TRUE', chosen, letThrough }: WhoMayJoin = {},
): string {
  const { id, priority, createdAt, claimableAt } = columns
  const { ready, timed, claimed } = classesOf(columns)
  const due = `${claimableAt} <= ${NOW}`
  const order = inOrder(columns)
  const sorted = [id, priority, createdAt].filter((column) => column !== undefined).join(', ')
  const first = (from: string, where: string) =>
    `(SELECT ${sorted} FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT ${limit})`
  const others = letThrough
    ? [
        first(
          table,
          `${isLetThrough(letThrough.state)} AND ${columns.status} <> 'queued' AND ${due} AND ${letThrough.mayJoin}`,
        ),
      ]
    : []
  if (chosen !== undefined) {
    const parts = [first(table, `${id} = ANY(${chosen})`), first(table, `${claimed} AND ${due}`), ...others]
    return `SELECT ${id} FROM (${parts.join(' UNION ALL ')}) AS claimable ORDER BY ${order} LIMIT ${limit}`
  }
  return (
    `WITH became_due AS MATERIALIZED (SELECT ${sorted} FROM ${table}` +
    ` WHERE ${timed} AND ${due} AND ${mayJoin} ORDER BY ${claimableAt} LIMIT ${MOST_SORTED + 1}),` +
    ` few AS MATERIALIZED (SELECT count(*) <= ${MOST_SORTED} AS few FROM became_due)` +
    ` SELECT ${id} FROM (${[
      first(table, `${ready} AND ${mayJoin}`),
      first('became_due', '(SELECT few FROM few)'),
      first(table, `${timed} AND ${due} AND NOT (SELECT few FROM few)`),
      first(table, `${claimed} AND ${due}`),
      ...others,
    ].join(' UNION ALL ')}) AS claimable ORDER BY ${order} LIMIT ${limit}`
  )
}

/** When the oldest task was created that is due since then, as SQL; one of each priority is read. */
export function oldestReady(table: string, columns: Columns & { priority: string }): string {
  const { priority, createdAt } = columns
  const first = (where = 'TRUE') =>
    `SELECT coalesce(${priority}, 0) AS priority, ${createdAt} AS created FROM ${table}` +
    ` WHERE ${classesOf(columns).ready} AND ${where} ORDER BY ${inOrder(columns)} LIMIT 1`
  return (
    `(WITH RECURSIVE firsts AS ((${first()}) UNION ALL SELECT lower.* FROM firsts,` +
    ` LATERAL (${first(`coalesce(${priority}, 0) < firsts.priority`)}) AS lower) SELECT min(created) FROM firsts)`
  )
}

/** How many may be claimed, and of those, how many that are not in flight already. */
export interface ClaimLimits {
  limit: number
  joining: number
  /** Take-overs after which a task is only claimed alone, as SQL. */
  suspectAfterTakeOvers: string
  /** An array of the ids that may join, if the limits of users count. */
  chosen?: string | undefined
  /** With budgets: how many may join of those that an operator lets through. */
  letThrough?: number | undefined
}

/** The condition for tasks that an operator lets through whatever budgets say, as SQL. */
export function isLetThrough(state: string): string {
  return `coalesce((${state} ->> 'letThrough') = 'true', FALSE)`
}

/**
 * Locks the claimable tasks, in the order of fetching, and selects them: up to the limits of each class, which may be
 * more than the limit of all together. Skips what others have locked, so that claimers neither wait for each other nor
 * find the same.
 *
 * @param selected what to select of a row, its order too, after its lock: another claimer may just have changed it
 */
export function lockClaimable(
  table: string,
  columns: Columns & { state: string },
  { limit, joining, suspectAfterTakeOvers, chosen, letThrough }: ClaimLimits,
  selected: string,
): string {
  const { id, status, claimableAt, state } = columns
  const { ready, timed, claimed } = classesOf(columns)
  const due = `${claimableAt} <= ${NOW}`
  const lock = (where: string, most: number) =>
    `(SELECT ${selected}, ${CLOCK} AS "now" FROM ${table} WHERE ${where}` +
    ` ORDER BY ${inOrder(columns)} LIMIT ${most} FOR UPDATE SKIP LOCKED)`
  const mayClaim = `${takeOversOf(state)} < ${suspectAfterTakeOvers}`
  const stuck = `stuck AS ${lock(`${claimed} AND ${due} AND ${mayClaim}`, limit)}`
  const inOrderOf = ` AS locked ORDER BY ${inOrder({ id: '"id"', priority: '"priority"', createdAt: '"createdAt"' })} LIMIT ${limit}`
  const isThrough = isLetThrough(state)
  const through =
    letThrough === undefined
      ? ''
      : `let_through AS ${lock(`${isThrough} AND ${status} <> 'queued' AND ${due}`, letThrough)}, `
  const [notThrough, andThrough] = through ? [` AND NOT ${isThrough}`, ' UNION ALL TABLE let_through'] : ['', '']
  if (chosen !== undefined) {
    const joins = lock(`${id} = ANY(${chosen}) AND ((${ready}) OR (${timed} AND ${due}))${notThrough}`, joining)
    return `WITH chosen AS ${joins}, ${through}${stuck} SELECT * FROM (TABLE chosen UNION ALL TABLE stuck${andThrough})${inOrderOf}`
  }
  return (
    `WITH became_due AS MATERIALIZED (SELECT ${id} FROM ${table} WHERE ${timed} AND ${due}` +
    ` ORDER BY ${claimableAt} LIMIT ${joining > 0 ? MOST_SORTED + 1 : 0}),` +
    ` few AS MATERIALIZED (SELECT count(*) <= ${MOST_SORTED} AS few FROM became_due),` +
    ` ready AS ${lock(ready + notThrough, joining)},` +
    ` sorted AS ${lock(`${id} IN (SELECT ${id} FROM became_due) AND ${timed} AND ${due}${notThrough} AND (SELECT few FROM few)`, joining)},` +
    ` unsorted AS ${lock(`${timed} AND ${due}${notThrough} AND NOT (SELECT few FROM few)`, joining)},` +
    ` ${through}${stuck}` +
    ` SELECT * FROM (TABLE ready UNION ALL TABLE sorted UNION ALL TABLE unsorted UNION ALL TABLE stuck${andThrough})` +
    inOrderOf
  )
}

/** The due claims of suspects, in the order of fetching, as a condition and an order. */
export function suspects(columns: Columns & { state: string }, suspectAfterTakeOvers: string): string {
  const { claimableAt, state } = columns
  return (
    `${classesOf(columns).claimed} AND ${claimableAt} <= ${NOW}` +
    ` AND ${takeOversOf(state)} >= ${suspectAfterTakeOvers} ORDER BY ${inOrder(columns)}`
  )
}

function takeOversOf(state: string): string {
  return `coalesce((${state} ->> 'takeOvers')::int, 0)`
}

/** Seconds until the next task becomes claimable by the clock alone, as SQL; null if there is none. */
export function secondsUntilNextDue(table: string, columns: Pick<Columns, 'status' | 'claimableAt'>): string {
  const { timed, claimed } = classesOf(columns)
  const next = (of: string) =>
    `(SELECT min(${columns.claimableAt}) FROM ${table} WHERE ${of} AND ${columns.claimableAt} > ${NOW})`
  return `least(${next(timed)}, ${next(claimed)}) - ${NOW}`
}

/** The SQL condition for tasks in flight: claimed, and not ended. */
export function inFlight(statusColumn: string): string {
  return `${statusColumn} IN ('queued', 'processing')`
}

/** Counts the tasks in flight, as SQL. */
export function countInFlight(table: string, statusColumn: string): string {
  return `(SELECT count(*)::int FROM ${table} WHERE ${inFlight(statusColumn)})`
}

/** The SQL condition for open tasks. A failed one is open while it may be retried. */
export function isOpen({ column }: PhysicalEntity): string {
  return `(${column('status')} = 'processing' OR ${column('claimableAt')} IS NOT NULL)`
}

/** The SQL condition for failed tasks that are tried again. */
export function isToBeRetried({ column }: PhysicalEntity): string {
  return `${column('status')} = 'failed' AND ${column('claimableAt')} IS NOT NULL`
}
