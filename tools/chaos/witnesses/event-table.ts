/**
 * Reads each task's events in order and finds those that should not have been accepted. It has its own rules: it uses
 * none of the protocol's code.
 */
import type { StoredEvent, StoredTask } from './database.js'
import type { Violation } from './violation.js'

/** A token, and when it was the row's. Unix milliseconds. */
export interface TokenSpan {
  token: string
  from: number
  until: number
}

const MOVES: Record<string, Record<string, string>> = {
  pending: { queued: 'queued', cancelled: 'cancelled' },
  queued: {
    queued: 'queued',
    begun: 'queued',
    waiting: 'queued',
    resumed: 'queued',
    checked: 'queued',
    released: 'pending',
    processing: 'processing',
    failed: 'failed',
    cancelled: 'cancelled',
  },
  processing: {
    waiting: 'processing',
    resumed: 'processing',
    checked: 'processing',
    completed: 'completed',
    failed: 'failed',
    cancelled: 'cancelled',
  },
  failed: { queued: 'queued', cancelled: 'cancelled' },
  completed: {},
  cancelled: { checked: 'cancelled', runClosed: 'cancelled' },
}

/** The row as its events describe it. */
interface Row {
  status: string
  attempt: number
  token: string | null
  runId: string | null
  leaseExpiresAt: number | null
  dueAt: number | null
  retryable: boolean
}

export interface EventTableFindings {
  violations: Violation[]
  /** When each token was the row's, to judge who was allowed to write. */
  spans: TokenSpan[]
}

export function judgeEvents(task: StoredTask): EventTableFindings {
  const violations: Violation[] = []
  const spans: TokenSpan[] = []
  const name = `${task.kind} ${task.id}`
  const begun = new Map<number, string>()
  const superseded = new Set<string>()
  let row: Row = {
    status: 'pending',
    attempt: 1,
    token: null,
    runId: null,
    leaseExpiresAt: null,
    dueAt: null,
    retryable: true,
  }
  const stale = (what: string) => violations.push({ counts: 'staleWritesAccepted', task: name, what })

  for (const event of task.events) {
    const title = `${event.type} of attempt ${event.attempt}`
    const next = MOVES[row.status]?.[event.type]
    if (next === undefined) stale(`${title} while ${row.status}`)
    if (event.attempt !== row.attempt) stale(`${title} while attempt ${row.attempt} was the current one`)

    if (event.type === 'queued') {
      for (const what of wrongClaim(row, event)) stale(`${title}: ${what}`)
      if (!event.adopted) {
        const replaced = `${event.attempt}:${event.supersedes}`
        if (superseded.has(replaced)) stale(`${title} supersedes a token that another claim had superseded`)
        superseded.add(replaced)
      }
    } else if (event.type === 'begun') {
      const earlier = begun.get(event.attempt)
      if (earlier !== undefined && earlier !== event.runId) {
        const what = `attempt ${event.attempt} was begun by ${earlier} and by ${event.runId}`
        violations.push({ counts: 'duplicateStarts', task: name, what })
      }
      begun.set(event.attempt, event.runId ?? '')
    } else if (event.runId !== undefined && event.runId !== row.runId) {
      stale(`${title} by run ${event.runId}, the attempt is ${row.runId}'s`)
    }

    const last = spans.at(-1)
    if (event.fencingToken !== undefined && event.fencingToken !== row.token) {
      if (last) last.until = event.at * 1000
      spans.push({ token: event.fencingToken, from: event.at * 1000, until: Number.POSITIVE_INFINITY })
    }
    row = after(row, event, next ?? row.status)
  }

  for (const [field, inRow, byEvents] of [
    ['status', task.status, row.status],
    ['state.status', task.state.status, row.status],
    ['attempts', task.attempts, row.attempt - 1],
    ['token', task.state.fencingToken, row.token],
  ]) {
    if (inRow !== byEvents) stale(`the row's ${field} is ${inRow}, by its events it is ${byEvents}`)
  }
  return { violations, spans }
}

function wrongClaim(row: Row, { at, supersedes, adopted }: StoredEvent): string[] {
  const wrong: string[] = []
  const expected = adopted ? null : (row.token ?? '')
  if (supersedes !== expected) wrong.push(`it supersedes ${supersedes}, the row's token was ${row.token}`)
  if (adopted) return wrong
  if (row.status === 'queued' && at < (row.leaseExpiresAt ?? Number.POSITIVE_INFINITY)) {
    wrong.push('the lease was not over')
  }
  if (row.status !== 'queued' && at < (row.dueAt ?? 0)) wrong.push('it was not due')
  if (row.status === 'failed' && !row.retryable) wrong.push('it had failed for good')
  return wrong
}

function after(row: Row, event: StoredEvent, status: string): Row {
  const ended = event.type === 'completed' || event.type === 'failed'
  const newAttempt = event.type === 'queued' && row.status === 'failed'
  return {
    status,
    attempt: ended ? row.attempt + 1 : row.attempt,
    token: event.fencingToken ?? row.token,
    runId: newAttempt ? null : event.type === 'begun' ? (event.runId ?? null) : row.runId,
    leaseExpiresAt: event.leaseExpiresAt ?? row.leaseExpiresAt,
    dueAt: event.dueAt ?? row.dueAt,
    retryable: event.retryable ?? row.retryable,
  }
}
