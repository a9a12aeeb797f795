/** What runs wait for, such as a provider that asks for a pause: by their tasks' rows, which the runs report to. */
import { z } from 'zod'
import { inFlight } from '../claimable.js'
import type { TaskReader } from '../task-reader.js'

/** Of the tasks in flight at most so many are looked at. */
const MOST_LOOKED_AT = 10_000
const MOST_CODES = 20

/** Times are unix seconds. */
export const heldUpSchema = z.array(
  z.object({
    code: z.string(),
    /** Tasks that wait for it. */
    count: z.number().int(),
    since: z.number(),
    /** When the last of them is tried again; null if nobody knows. */
    nextTryAt: z.number().nullable(),
  }),
)

export async function heldUp(tasks: TaskReader): Promise<z.infer<typeof heldUpSchema>> {
  const { table, column } = tasks.calls
  const waits = `(SELECT ${column('state')} -> 'waitingFor' AS waits FROM ${table} WHERE ${inFlight(column('status'))} LIMIT ${MOST_LOOKED_AT})`
  const sql =
    `SELECT waits ->> 'code' AS code, count(*)::int AS count, min((waits ->> 'since')::float8) AS since,` +
    ` max((waits ->> 'nextTryAt')::float8) AS "nextTryAt" FROM ${waits} AS in_flight` +
    ` WHERE waits ->> 'code' IS NOT NULL GROUP BY code ORDER BY count DESC, code LIMIT ${MOST_CODES}`
  return tasks.read('held-up', () => tasks.query(sql, []))
}
