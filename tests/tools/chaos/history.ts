/** Made-up tables for trying the witnesses on: a task that went well, from which each test departs in one point. */
import type { StoredEvent, StoredTask } from '@/tools/chaos/witnesses/database.js'

type Event = Pick<StoredEvent, 'type'> & Partial<StoredEvent>

/** At second 1 it was claimed, at 2 begun, at 3 processing, at 4 completed. */
export function goodHistory(): [StoredEvent, StoredEvent, StoredEvent, StoredEvent] {
  return [
    event({ type: 'queued', at: 1, fencingToken: 'claim-1', supersedes: '', leaseExpiresAt: 16 }),
    event({ type: 'begun', at: 2, fencingToken: 'begun-1', runId: 'run-1', leaseExpiresAt: 17 }),
    event({ type: 'processing', at: 3, fencingToken: 'processing-1', runId: 'run-1' }),
    event({ type: 'completed', at: 4, fencingToken: 'completed-1', runId: 'run-1' }),
  ]
}

export function event(given: Event): StoredEvent {
  return { attempt: 1, at: 1, supersedes: null, ...given }
}

/** A row that agrees with its events, unless told otherwise. */
export function task(events: StoredEvent[], given: Partial<StoredTask> = {}): StoredTask {
  const last = events.at(-1)
  const attempts = events.filter(({ type }) => type === 'completed' || type === 'failed').length
  const status = given.status ?? { begun: 'queued', released: 'pending' }[last?.type ?? ''] ?? last?.type ?? 'pending'
  const fencingToken = events.findLast((one) => one.fencingToken !== undefined)?.fencingToken ?? null
  return {
    id: '7',
    kind: 'video',
    taskKey: 'key',
    status,
    attempts,
    requestParams: { prompt: 'chaos-1-7' },
    state: { status, attempts, attemptLimit: 20, retryable: true, fencingToken, checkedAt: null, error: null },
    events,
    ...given,
  }
}
