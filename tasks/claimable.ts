/**
 * Which tasks may be claimed now, oldest first, as SQL that walks none that may not.
 *
 * No one index has both what is due and who is oldest. So rows that may be claimed, or may be later, are of three
 * classes, each with an index of its own: those that have been due since they were made, in the order of fetching; those
 * that are due at a time of theirs (delayed, backed off, released), by that time; and claims, by their lease's end.
 */
import type { PhysicalEntity } from './database/sql.js'

/** statement_timestamp, not clock_timestamp: one time for all rows, so that an index can be used. */
export const NOW = 'extract(epoch FROM statement_timestamp())::float8'

/** Of those that became due, more than these are not sorted anew: they are walked from the oldest one on. */
const MOST_SORTED = 1000

interface Columns {
  id: string
  status: string
  createdAt: string
  claimableAt: string
}

/** The classes' conditions, for indexes and queries alike: an index serves a query that has its condition. */
export function classesOf({ status, claimableAt }: Pick<Columns, 'status' | 'claimableAt'>) {
  return {
    ready: `${status} <> 'queued' AND ${claimableAt} <= 0`,
    timed: `${status} <> 'queued' AND ${claimableAt} > 0`,
    claimed: `${status} = 'queued'`,
  }
}

/**
 * The ids of up to `limit` tasks that may be claimed now, oldest first.
 *
 * @param mayJoin a condition on no row: where it is false, only claims may be taken over
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

/** The SQL condition for tasks in flight: claimed, and not ended. */
export function inFlight(statusColumn: string): string {
  return `${statusColumn} IN ('queued', 'processing')`
}

/** Counts the tasks in flight, as SQL. */
export function countInFlight(table: string, statusColumn: string): string {
  return `(SELECT count(*)::int FROM ${table} WHERE ${inFlight(statusColumn)})`
}

/** The SQL condition for tasks that have not ended. A failed one is open while it may be tried again. */
export function isOpen({ column }: PhysicalEntity): string {
  return `(${column('status')} = 'processing' OR ${column('claimableAt')} IS NOT NULL)`
}
