/** What the database's errors mean for the work they ended: again at once, again once it is back, or not at all. */
import { setTimeout as sleep } from 'node:timers/promises'
import { collectErrorChain, isBusinessTransactionSavepointRetryable, isTransactionRetryExhaustedError } from 'interaqt'
import { type Backoff, backoff } from '../../lib/backoff.js'
import { OUTAGE_PATIENCE_MS } from '../../protocol/limits.js'

/** The connection was lost while a COMMIT was under way: what the transaction wrote may be stored, or not. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError'
  readonly code = 'COMMIT_UNKNOWN'
  /** Not by itself: only who knows the work to be idempotent may do it again. */
  readonly retryable = false

  constructor(transaction: string, cause: unknown) {
    super(`The database was lost while it committed ${transaction}`, { cause })
  }
}

/** A serialization failure or deadlock: the transaction was rolled back, and may succeed at once. */
export const isConflict = isBusinessTransactionSavepointRetryable

const CONNECTION_CODES = new Set([
  // PostgreSQL's own: shutting down, crashed, starting, no connection left, connection exceptions.
  ...['57P01', '57P02', '57P03', '57P05', '53300', '08000', '08001', '08003', '08004', '08006'],
  // The network's.
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
])

/**
 * No connection was to be had, it has ended, or no answer came in time. What a statement did is undone with its
 * connection, unless it was a COMMIT.
 */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
  /** SQLSTATE's connection_failure. */
  readonly code = '08006'
  readonly retryable = true

  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** The connection was lost, nothing was heard over it in time, or none was to be had. */
export function isConnectionLost(error: unknown): boolean {
  return collectErrorChain(error).some((item) => CONNECTION_CODES.has(String((item as { code?: unknown }).code)))
}

/** A lock that was not to be had, a full disk, no memory, no other resource; the last is main's own, for PGLite. */
const LACKING_CODES = new Set(['55P03', '53000', '53100', '53200', 'DISK_FULL'])

/** Nothing was stored, and the same request may succeed a little later: the database is away, overloaded or full. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof CommitUnknownError) return false
  const isLacking = collectErrorChain(error).some((item) =>
    LACKING_CODES.has(String((item as { code?: unknown }).code)),
  )
  return isLacking || isTransactionRetryExhaustedError(error) || isConnectionLost(error)
}

/** The server gave up as a whole, so that what it was committing may be in its log, or not. */
export function hasPanicked(error: unknown): boolean {
  return collectErrorChain(error).some((item) => (item as { severity?: unknown }).severity === 'PANIC')
}

const BETWEEN_TRIES_MS: Backoff = { first: 25, max: 400, jitter: [0.5, 1.5] }

/** Runs `work` again while connections are lost, for a few seconds. It must have stored nothing when it throws such an error. */
export async function throughOutage<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + OUTAGE_PATIENCE_MS
  for (let failures = 1; ; failures += 1) {
    const pauseMs = backoff(BETWEEN_TRIES_MS, failures)
    try {
      return await work()
    } catch (error) {
      const mayPass = !(error instanceof CommitUnknownError) && isConnectionLost(error)
      if (!mayPass || performance.now() + pauseMs > giveUpAt) throw error
    }
    await sleep(pauseMs)
  }
}
