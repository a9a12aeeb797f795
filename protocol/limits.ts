/**
 * Limits that several parts share: one side truncates to what the other accepts, and a wait that is part of another
 * stays below it. Numbers only, as workflow code imports them.
 */

/** The longest pause that is requested or announced, and the longest time that a run stays unchecked. */
export const DAY_SECONDS = 86_400

/** For the text about a failure. Senders truncate it. */
export const MAX_ERROR_CODE_LENGTH = 200
export const MAX_ERROR_MESSAGE_LENGTH = 4000

/** Kinds of units that an attempt may have used. */
export const MAX_UNITS = 20

/** For a user's id, or the name of anyone else who acts on a task. */
export const MAX_USER_ID_LENGTH = 200

/** Of one request to main, and so of a task's result; of a task's parameters too, as Temporal refuses 2 MB. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Of the parameters of all tasks of one answer, which ends with the task that reaches it. */
export const MAX_BATCH_BYTES = 4 * MAX_BODY_BYTES
/** A task's priority is a whole number from minus this to this. Default: 0. */
export const MAX_PRIORITY = 100

/** Tasks or runs in one answer. */
export const MAX_LISTED = 100

/** Time-out of a request to main, which then answers 504. */
export const REQUEST_TIMEOUT_MS = 30_000
/** The longest long poll: the rest is for its answer. */
export const MAX_WAIT_SECONDS = REQUEST_TIMEOUT_MS / 1000 - 5

/** Default time-out of a request to main. Main's own waits have to end earlier. */
export const ANSWER_TIMEOUT_MS = 10_000
/** For a database connection: a new one, or a free one of the pool. */
export const CONNECTION_WAIT_MS = 5_000
/** For a database that is down, before the wait for a connection: long enough for a restart of PostgreSQL. */
export const OUTAGE_PATIENCE_MS = ANSWER_TIMEOUT_MS - CONNECTION_WAIT_MS - 2_000
/** For a row's lock. */
export const LOCK_WAIT_MS = 5_000
/** For one statement: longer than for a lock, and together with the waits before it below a request's time-out. */
export const STATEMENT_TIMEOUT_MS = 15_000

/** What an activity's time-out adds to the provider request's own, which comes first and has the better message. */
export const BEYOND_REQUEST_MS = 10_000
/** The part of that for storing an answer that came at the last moment: it is paid for too. */
export const STORING_MS = BEYOND_REQUEST_MS - 2_000
