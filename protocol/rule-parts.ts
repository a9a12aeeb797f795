/** What the rules share: their context, and the events and answers they produce. */
import { backoff } from '../lib/backoff.js'
import { chargesAtEnd } from './charges.js'
import { currentAttempt } from './evolve.js'
import type { CreateIntent, Failure, Outcome, TaskRequest, Usage } from './messages.js'
import type { TaskPolicy } from './policy.js'
import type { Acceptance, Charge, Decision, NoPlace, RefusalReason, TaskEvent, TaskState } from './types.js'

export interface DecisionContext {
  /** The row's own key. */
  taskKey: string
  /** The database's time, unix seconds. */
  now: number
  /** A fresh random token, used if the row's token is to change. */
  newToken: string
  /** In [0, 1): the randomness of back-offs. */
  random: number
  /** Why no more tasks may join those in flight, if so. */
  noPlace?: NoPlace | undefined
  /** Set if a batch is claimed: its claims are noted as such. */
  claimId?: string
  policy: TaskPolicy
}

export function accept(events: TaskEvent[], answer: Omit<Acceptance, 'ok'> = {}): Decision {
  return { events, answer: { ok: true, ...answer } }
}

export function refuse(state: TaskState, to: TaskRequest['status'], reason: RefusalReason, detail = ''): Decision {
  const error = `Cannot transition to ${to} from ${state.status}${detail && `: ${detail}`}`
  return { events: [], answer: { ok: false, reason, error } }
}

export function queuedEvent(
  state: TaskState,
  { now, policy }: DecisionContext,
  how: { fencingToken: string; takeOver: boolean; alone: boolean; adopted: boolean; claimId?: string },
): TaskEvent {
  return {
    type: 'queued',
    attempt: currentAttempt(state),
    startedAt: now,
    leaseExpiresAt: now + policy.stuckTimeoutSeconds,
    ...how,
  }
}

/** What an end, of whatever kind, makes known of costs. */
export function chargesOf(
  state: TaskState,
  { now, policy }: DecisionContext,
  end: { usage?: Usage | undefined; open: readonly CreateIntent[]; succeeded?: boolean },
): { charges?: Charge[] } {
  const attempt = currentAttempt(state)
  const charges = chargesAtEnd(state, { attempt, succeeded: false, ...end }, now, policy.prices)
  return charges.length > 0 ? { charges } : {}
}

export function failedEvent(
  state: TaskState,
  runId: string | null,
  context: DecisionContext,
  failure: Failure & { seenRunId?: string | undefined },
): TaskEvent {
  const { now, newToken, random, policy } = context
  const attempt = currentAttempt(state)
  const beginForgotten = state.runId === null && (runId ?? failure.seenRunId ?? null) !== null
  const pause = Math.max(
    backoff(policy.retryBackoff, attempt, () => random),
    failure.retryAfterSeconds ?? 0,
  )
  const intent = beginForgotten ? { attempt, at: now } : null
  const providerEnded = failure.providerEnded ?? false
  const open = providerEnded ? [] : [...state.openIntents, ...(intent ? [intent] : [])]
  return {
    type: 'failed',
    attempt,
    at: now,
    runId,
    fencingToken: newToken,
    error: failure.error,
    retryable: failure.retryable,
    dueAt: now + pause,
    providerEnded,
    intent,
    ...chargesOf(state, context, { usage: failure.usage, open }),
  }
}

/** Ends an attempt; one that is still `queued` passes through `processing` first, in the same transaction. */
export function outcomeEvents(
  state: TaskState,
  outcome: Outcome,
  runId: string | null,
  context: DecisionContext,
): TaskEvent[] {
  if (outcome.status === 'failed') return [failedEvent(state, runId, context, outcome)]

  const attempt = outcome.attempt
  const common = { attempt, at: context.now, runId, fencingToken: context.newToken }
  const charges = chargesOf(state, context, { usage: outcome.usage, open: [], succeeded: true })
  const completed: TaskEvent = { type: 'completed', ...common, result: outcome.result ?? null, ...charges }
  if (state.status === 'processing') return [completed]
  return [{ type: 'processing', ...common, providerTask: null }, completed]
}
