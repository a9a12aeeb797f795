/** Whose tasks wait: so one user who asks for too much is seen. */
import { z } from 'zod'
import type { TaskReader } from '../task-reader.js'

/** Of the pending tasks at most so many are looked at, the newest. */
const MOST_LOOKED_AT = 10_000
const MOST_USERS = 5

export const pendingUsersSchema = z.array(
  z.object({
    /** Null is everybody without an id. */
    user: z.string().nullable(),
    count: z.number().int(),
  }),
)

/** The users with most of the newest pending tasks, and how many of those they have. */
export async function pendingUsers(tasks: TaskReader): Promise<z.infer<typeof pendingUsersSchema>> {
  const { table, column } = tasks.calls
  const user = column('userId')
  const newest =
    `SELECT ${user} AS "user" FROM ${table} WHERE ${column('status')} = 'pending'` +
    ` ORDER BY ${column('createdAt')} DESC, ${column('taskKey')} DESC LIMIT ${MOST_LOOKED_AT}`
  const sql =
    `SELECT "user", count(*)::int AS count FROM (${newest}) AS newest` +
    ` GROUP BY "user" ORDER BY count DESC, "user" LIMIT ${MOST_USERS}`
  return tasks.read('pending-users', () => tasks.query(sql, []))
}
