/**
 * SQL for the tasks that may join those in flight where each user may have only so many there. However many tasks of
 * users without a free place come first, they are not walked.
 *
 * The first tasks in the order of fetching are looked at, and those of users with a place are taken. If these are too
 * few, the first tasks of each user are looked at besides: an index is skipped through from one user to the next. There
 * may be very many users, so that only so many are looked at, from a random one on; then the order is kept among these.
 */
import { type Columns, classesOf, inFlight, inOrder, MOST_SORTED, NOW } from './claimable.js'

/** How many tasks are looked at before users are: at least as many as may be asked for. */
const FIRST_LOOK = 200
/** How many users are looked at from the random one on; if there are fewer, as many from the first one on. */
const MOST_USERS = 500

export interface UsersLimits {
  limit: number
  /** Most tasks of one user in flight. Default: any number. */
  perUser?: number | undefined
  /** The same by users' budgets, as SQL, given a user's id as SQL. Default: any number. */
  affordable?: ((userId: string) => string) | undefined
  /** As of `selectClaimable`. */
  mayJoin?: string
}

const ANY_NUMBER = 1_000_000_000

/** A user's key in the indexes: spread evenly, so that a random start is fair. All callers without an id are one user. */
export function userKey(userId: string): string {
  return `hashtext(coalesce(${userId}, '')), (coalesce(${userId}, ''))`
}

/** An array of up to `limit` ids of tasks that may join, as SQL. */
export function idsWithinUsersLimits(
  table: string,
  columns: Columns & { userId: string },
  { limit, perUser = ANY_NUMBER, affordable, mayJoin = 'TRUE' }: UsersLimits,
): string {
  const { id, priority, createdAt, claimableAt, userId } = columns
  const { ready, timed: waits } = classesOf(columns)
  const timed = `${waits} AND ${claimableAt} <= ${NOW}`
  const order = inOrder(columns)
  const key = userKey(userId)
  const fields = [id, priority, createdAt].filter((column) => column !== undefined).join(', ')
  const row = `${fields}, coalesce(${userId}, '') AS of_user`
  const first = (where: string, by: string, most: number) =>
    `(SELECT ${row} FROM ${table} WHERE ${where} AND ${mayJoin} ORDER BY ${by} LIMIT ${most})`
  // Looked up once for each user: OFFSET keeps the planner from doing it for each task.
  const budgetsOf = (from: string) =>
    affordable
      ? ` JOIN (SELECT of_user, ${affordable('of_user')} AS affordable FROM (SELECT DISTINCT of_user FROM ${from}) AS asking OFFSET 0)` +
        ' AS budgets USING (of_user)'
      : ''
  const most = affordable ? `least(${perUser}, affordable)` : perUser
  const withPlace = (from: string) =>
    `(SELECT ${fields} FROM (SELECT *, row_number() OVER (PARTITION BY of_user ORDER BY ${order}) AS nth FROM ${from})` +
    ` AS ranked LEFT JOIN taken USING (of_user)${budgetsOf(from)} WHERE nth <= ${most} - coalesce(places, 0)` +
    ` ORDER BY ${order} LIMIT ${limit})`
  /** Skips through the users of a class, from one key on. */
  const users = (name: string, where: string, from: string, wanted: string) => {
    const next = (after: string) =>
      `SELECT ${key} FROM ${table} WHERE ${where} AND (${key}) > (${after}) ORDER BY ${key} LIMIT 1`
    return (
      `${name} (hash, of_user, count) AS (SELECT found.*, 1 FROM (${next(from)}) AS found WHERE ${wanted}` +
      ` UNION ALL SELECT found.*, count + 1 FROM ${name}, LATERAL (${next('hash, of_user')}) AS found` +
      ` WHERE count < ${MOST_USERS})`
    )
  }
  const firstOfUsers = (name: string, where: string, by: string) =>
    `SELECT task.* FROM (SELECT hash, of_user FROM ${name} UNION SELECT hash, of_user FROM ${name}_before) AS waiting,` +
    ` LATERAL (SELECT ${row} FROM ${table} WHERE ${where} AND (${key}) = (waiting.hash, waiting.of_user)` +
    ` ORDER BY ${by} LIMIT ${Math.min(limit, perUser)}) AS task`
  const [someUser, firstUser] = ["(SELECT start FROM look), ''", "(-2147483648), ''"]
  const tooFew = '(SELECT too_few FROM look)'
  const endsAfter = (name: string) => `${tooFew} AND (SELECT count(*) FROM ${name}) < ${MOST_USERS}`
  return `ARRAY(WITH RECURSIVE ${[
    `taken AS MATERIALIZED (SELECT coalesce(${userId}, '') AS of_user, count(*)::int AS places FROM ${table}` +
      ` WHERE ${inFlight(columns.status)} GROUP BY 1)`,
    `became_due AS MATERIALIZED ${first(timed, claimableAt, MOST_SORTED + 1)}`,
    `few AS MATERIALIZED (SELECT count(*) <= ${MOST_SORTED} AS few FROM became_due)`,
    `first_ready AS MATERIALIZED ${first(ready, order, FIRST_LOOK)}`,
    `first_timed AS MATERIALIZED ${first(`${timed} AND NOT (SELECT few FROM few)`, order, FIRST_LOOK)}`,
    'first_look AS MATERIALIZED (TABLE first_ready UNION ALL TABLE first_timed' +
      ' UNION ALL SELECT * FROM became_due WHERE (SELECT few FROM few))',
    'look AS MATERIALIZED (SELECT floor(random() * 4294967296 - 2147483648)::int AS start,' +
      ` ${FIRST_LOOK} IN ((SELECT count(*) FROM first_ready), (SELECT count(*) FROM first_timed))` +
      ` AND (SELECT count(*) FROM ${withPlace('first_look')} AS found) < ${limit} AS too_few)`,
    users('ready_users', ready, someUser, tooFew),
    users('ready_users_before', ready, firstUser, endsAfter('ready_users')),
    users('timed_users', waits, someUser, tooFew),
    users('timed_users_before', waits, firstUser, endsAfter('timed_users')),
    `pool AS (TABLE first_look UNION ${firstOfUsers('ready_users', ready, order)}` +
      ` UNION ${firstOfUsers('timed_users', timed, claimableAt)})`,
  ].join(', ')} SELECT ${id} FROM ${withPlace('pool')} AS chosen)`
}
