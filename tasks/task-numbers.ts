/** How many tasks an integration has under way, and how late it is: read from its indexes, however many have ended. */
import type { TaskStatus } from '../protocol/index.js'
import { classesOf, inFlight, isToBeRetried, NOW, oldestReady } from './claimable.js'
import type { TaskReader } from './task-reader.js'

export interface TaskNumbers {
  /** By status, of tasks that have not ended: `failed` are those that are tried again. Up to `MOST_COUNTED` of each kind. */
  counts: Partial<Record<TaskStatus, number>>
  /** For how long the oldest task that may be claimed has been due. */
  oldestDueSeconds: number
  /** For how long nobody has looked at the run that was looked at longest ago. */
  longestUncheckedSeconds: number
}

/** Counting takes time for each: beyond this many, the number says "as many or more". */
export const MOST_COUNTED = 100_000

/** In one statement, which sees one moment. */
export async function readTaskNumbers(tasks: TaskReader): Promise<TaskNumbers> {
  const { table, column } = tasks.calls
  const [status, claimableAt, unchecked] = [column('status'), column('claimableAt'), column('uncheckedSince')]
  const ofOrder = { id: column('id'), priority: column('priority'), createdAt: column('createdAt') }
  const { timed, claimed } = classesOf({ status, claimableAt })
  const some = (selected: string, where: string, order = '') =>
    `(SELECT ${selected} FROM ${table} WHERE ${where}${order} LIMIT ${MOST_COUNTED}) AS open`
  // The order is that of the index by status, which has all that is needed.
  const newest = ` ORDER BY ${ofOrder.createdAt} DESC, ${column('taskKey')} DESC`
  const counted = [
    `SELECT 'pending' AS status, count(*)::int AS count FROM ${some('1', `${status} = 'pending'`, newest)}`,
    `SELECT 'failed', count(*)::int FROM ${some('1', isToBeRetried(tasks.calls))}`,
    `SELECT status, count(*)::int FROM ${some(`${status} AS status`, inFlight(status))} GROUP BY status`,
  ]
  const due = (where: string) =>
    `(SELECT min(${claimableAt}) FROM ${table} WHERE ${where} AND ${claimableAt} <= ${NOW})`
  const oldest = [oldestReady(table, { ...ofOrder, status, claimableAt }), due(timed), due(claimed)]
  const since = (time: string) => `greatest(0, coalesce(${NOW} - ${time}, 0))`
  const sql =
    `SELECT (SELECT coalesce(json_object_agg(status, count) FILTER (WHERE count > 0), '{}')` +
    ` FROM (${counted.join(' UNION ALL ')}) AS by_status) AS counts,` +
    ` ${since(`least(${oldest.join(', ')})`)} AS "oldestDueSeconds",` +
    ` ${since(`(SELECT min(${unchecked}) FROM ${table} WHERE ${unchecked} IS NOT NULL)`)} AS "longestUncheckedSeconds"`
  const [row] = await tasks.read('numbers', () => tasks.query<TaskNumbers>(sql, []))
  return row ?? { counts: {}, oldestDueSeconds: 0, longestUncheckedSeconds: 0 }
}
