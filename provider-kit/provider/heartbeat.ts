import { Context } from '@temporalio/activity'
import { withTimeout } from '../../lib/abort.js'

const HEARTBEAT_INTERVAL_MS = 10_000

/**
 * Runs work that waits for the outside, with heartbeats, so that a cancellation arrives and a dead worker is noticed.
 * The signal aborts on cancellation, and after `timeoutMs`.
 */
export async function withHeartbeat<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const activity = Context.current()
  activity.heartbeat()
  const timer = setInterval(() => activity.heartbeat(), HEARTBEAT_INTERVAL_MS)
  try {
    return await withTimeout(timeoutMs, [activity.cancellationSignal], work)
  } finally {
    clearInterval(timer)
  }
}
