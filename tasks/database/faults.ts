/** Database errors by what to do about them: retry at once, retry once it is back, or give up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { collectErrorChain, isBusinessTransactionSavepointRetryable, isTransactionRetryExhaustedError } from 'interaqt'
import { type Backoff, backoff } from '../../lib/backoff.js'
import { OUTAGE_PATIENCE_MS } from '../../protocol/limits.js'

/** The connection was lost during a COMMIT: the transaction may or may not be stored. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError'
  readonly code = 'COMMIT_UNKNOWN'
  /** Only callers that know the work to be idempotent may retry it. */
  readonly retryable = false

  constructor(transaction: string, cause: unknown) {
    super(`The database was lost while it committed ${transaction}`, { cause })
  }
}

/** A serialization failure or deadlock: the transaction was rolled back, and may be retried at once. */
export const isConflict = isBusinessTransactionSavepointRetryable

const CONNECTION_CODES = new Set([
  // PostgreSQL's own: shutting down, crashed, starting, no connection left, connection exceptions.
  ...['57P01', '57P02', '57P03', '57P05', '53300', '08000', '08001', '08003', '08004', '08006'],
  // Network errors.
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
])

/**
 * No connection was available, it was lost, or no answer came in time. A statement is rolled back with its connection,
 * unless it was a COMMIT.
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

/** Whether the connection was lost, timed out, or was never available. */
export function isConnectionLost(error: unknown): boolean {
  return collectErrorChain(error).some((item) => CONNECTION_CODES.has(String((item as { code?: unknown }).code)))
}

/** Lock not available, disk full, out of memory or another resource; the last code is main's own, for PGLite. */
const LACKING_CODES = new Set(['55P03', '53000', '53100', '53200', 'DISK_FULL'])

/** Nothing was stored, and a retry may succeed soon: the database is down, overloaded or full. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof CommitUnknownError) return false
  const isLacking = collectErrorChain(error).some((item) =>
    LACKING_CODES.has(String((item as { code?: unknown }).code)),
  )
  return isLacking || isTransactionRetryExhaustedError(error) || isConnectionLost(error)
}

/** The server crashed, so that the transaction it was committing may or may not be in its log. */
export function hasPanicked(error: unknown): boolean {
  return collectErrorChain(error).some((item) => (item as { severity?: unknown }).severity === 'PANIC')
}

const BETWEEN_TRIES_MS: Backoff = { first: 25, max: 400, jitter: [0.5, 1.5] }

/** Retries `work` for a few seconds while connections are lost. It must have stored nothing when it throws so. */
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
