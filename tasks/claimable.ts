/**
 * SQL for the claimable tasks, oldest first, which reads only rows that may be claimed.
 *
 * No single index covers both what is due and who is oldest. So rows that may be claimed, now or later, are of three
 * classes, each with its own index: due since they were created, in the order of fetching; due at a time of their own
 * (delayed, backed off, released), by that time; and claims, by the end of their lease.
 */
import { CLOCK, type PhysicalEntity } from './database/sql.js'

/** statement_timestamp, not clock_timestamp: one time for all rows, so that an index can be used. */
export const NOW = 'extract(epoch FROM statement_timestamp())::float8'

/** If more than these became due, they are not sorted anew, but read from the oldest one on. */
const MOST_SORTED = 1000

interface Columns {
  id: string
  status: string
  createdAt: string
  claimableAt: string
}

/** The classes' conditions, shared by indexes and queries: an index serves only a query that has its condition. */
export function classesOf({ status, claimableAt }: Pick<Columns, 'status' | 'claimableAt'>) {
  return {
    ready: `${status} <> 'queued' AND ${claimableAt} <= 0`,
    timed: `${status} <> 'queued' AND ${claimableAt} > 0`,
    claimed: `${status} = 'queued'`,
  }
}

/**
 * The ids of up to `limit` claimable tasks, oldest first.
 *
 * @param mayJoin a condition that depends on no row: if it is false, only take-overs are allowed
 */
export function selectClaimable(table: string, columns: Columns, limit: number, mayJoin = 'TRUE'): string {
  const { id, createdAt, claimableAt } = columns
  const { ready, timed, claimed } = classesOf(columns)
  const due = `${claimableAt} <= ${NOW}`
  const oldest = (from: string, where: string) =>
    `(SELECT ${id}, ${createdAt} FROM ${from} WHERE ${where} ORDER BY ${createdAt}, ${id} LIMIT ${limit})`
  return (
    `WITH became_due AS MATERIALIZED (SELECT ${id}, ${createdAt} FROM ${table}` +
    ` WHERE ${timed} AND ${due} AND ${mayJoin} ORDER BY ${claimableAt} LIMIT ${MOST_SORTED + 1}),` +
    ` few AS MATERIALIZED (SELECT count(*) <= ${MOST_SORTED} AS few FROM became_due)` +
    ` SELECT ${id} FROM (${[
      oldest(table, `${ready} AND ${mayJoin}`),
      oldest('became_due', '(SELECT few FROM few)'),
      oldest(table, `${timed} AND ${due} AND NOT (SELECT few FROM few)`),
      oldest(table, `${claimed} AND ${due}`),
    ].join(' UNION ALL ')}) AS claimable ORDER BY ${createdAt}, ${id} LIMIT ${limit}`
  )
}

/** How many may be claimed, and of those, how many that are not in flight already. */
export interface ClaimLimits {
  limit: number
  joining: number
  /** Take-overs after which a task is only claimed alone. */
  suspectAfterTakeOvers: number
}

/**
 * Locks the claimable tasks, oldest first, and selects them: up to the limits of each class, which may be more than the
 * limit of all together. Skips what others have locked, so that claimers neither wait for each other nor find the same.
 *
 * @param selected what to select of a row, after its lock: another claimer may just have changed it
 */
export function lockClaimable(
  table: string,
  columns: Columns & { state: string },
  { limit, joining, suspectAfterTakeOvers }: ClaimLimits,
  selected: string,
): string {
  const { id, createdAt, claimableAt, state } = columns
  const { ready, timed, claimed } = classesOf(columns)
  const due = `${claimableAt} <= ${NOW}`
  const lock = (where: string, most: number) =>
    `(SELECT ${selected}, ${CLOCK} AS "now" FROM ${table} WHERE ${where}` +
    ` ORDER BY ${createdAt}, ${id} LIMIT ${most} FOR UPDATE SKIP LOCKED)`
  const mayClaim = `${takeOversOf(state)} < ${suspectAfterTakeOvers}`
  return (
    `WITH became_due AS MATERIALIZED (SELECT ${id} FROM ${table} WHERE ${timed} AND ${due}` +
    ` ORDER BY ${claimableAt} LIMIT ${joining > 0 ? MOST_SORTED + 1 : 0}),` +
    ` few AS MATERIALIZED (SELECT count(*) <= ${MOST_SORTED} AS few FROM became_due),` +
    ` ready AS ${lock(ready, joining)},` +
    ` sorted AS ${lock(`${id} IN (SELECT ${id} FROM became_due) AND ${timed} AND ${due} AND (SELECT few FROM few)`, joining)},` +
    ` unsorted AS ${lock(`${timed} AND ${due} AND NOT (SELECT few FROM few)`, joining)},` +
    ` stuck AS ${lock(`${claimed} AND ${due} AND ${mayClaim}`, limit)}` +
    ' SELECT * FROM (TABLE ready UNION ALL TABLE sorted UNION ALL TABLE unsorted UNION ALL TABLE stuck) AS locked' +
    ` ORDER BY "createdAt", "id" LIMIT ${limit}`
  )
}

/** The due claims of suspects, oldest first, as a condition and an order. */
export function suspects(
  { id, status, createdAt, claimableAt, state }: Columns & { state: string },
  suspectAfterTakeOvers: number,
): string {
  return (
    `${classesOf({ status, claimableAt }).claimed} AND ${claimableAt} <= ${NOW}` +
    ` AND ${takeOversOf(state)} >= ${suspectAfterTakeOvers} ORDER BY ${createdAt}, ${id}`
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
