/**
 * Limits that several parts have to agree on, each in its one home: what one side takes, the other cuts; and a wait
 * that is a part of another stays below it. Numbers only, as workflow code imports them.
 */

/** No pause that is asked for or announced is longer, and no run stays unchecked for longer. */
export const DAY_SECONDS = 86_400

/** Of what is told about a failure. Whoever reports more cuts it. */
export const MAX_ERROR_CODE_LENGTH = 200
export const MAX_ERROR_MESSAGE_LENGTH = 4000

/** Of a user's id, and of who else acts on a task. */
export const MAX_USER_ID_LENGTH = 200

/** Tasks and runs in one answer. */
export const MAX_LISTED = 100

/** What main gives a request before it answers 504. */
export const REQUEST_TIMEOUT_MS = 30_000
/** The longest that a fetch may be parked: the rest is for its answer. */
export const MAX_WAIT_SECONDS = REQUEST_TIMEOUT_MS / 1000 - 5

/** What a daemon and its activities give main to answer, by default. Main's own waits have to end before. */
export const ANSWER_TIMEOUT_MS = 10_000
/** For a connection to the database: a new one, or one of the pool's to become free. */
export const CONNECTION_WAIT_MS = 5_000
/** For a database that is away, before the wait for a connection: long enough for a restart of PostgreSQL. */
export const OUTAGE_PATIENCE_MS = ANSWER_TIMEOUT_MS - CONNECTION_WAIT_MS - 2_000
/** For a row's lock. */
export const LOCK_WAIT_MS = 5_000
/** For one statement's answer: longer than for a lock, and with the waits before it below a request's time-out. */
export const STATEMENT_TIMEOUT_MS = 15_000

/** What an activity that asks a provider has beyond the request's own time-out, which comes first and says more. */
export const BEYOND_REQUEST_MS = 10_000
/** How much of that is for storing an answer that came at the last moment: it is paid for too. */
export const STORING_MS = BEYOND_REQUEST_MS - 2_000
