/** What a run reports of itself, fenced by attempt and runId. */

import { evolve } from './evolve.js'
import type { Begin, Processing, Resumed, RunReport, Waiting } from './messages.js'
import {
  accept,
  currentAttempt,
  type DecisionContext,
  failedEvent,
  isOutcome,
  outcomeEvents,
  queuedEvent,
  refuse,
} from './rule-parts.js'
import type { CreateIntent, Decision, TaskEvent, TaskState } from './types.js'

export function decideRunReport(state: TaskState, request: RunReport, context: DecisionContext): Decision {
  if (isOutcome(request) && state.outcomes[request.attempt] === request.status) return accept([])

  const welcome = welcomeRun(state, request, context)
  if (!welcome.ok) return welcome.refusal

  const { events, state: live } = welcome
  if (live.runId !== null && live.runId !== request.runId) {
    return refuse(state, request.status, 'other_run', `attempt ${request.attempt} belongs to another run`)
  }
  const decision = decideLiveRunReport(live, request, context)
  return decision.answer.ok ? { ...decision, events: [...events, ...decision.events] } : decision
}

function decideLiveRunReport(state: TaskState, request: RunReport, context: DecisionContext): Decision {
  switch (request.status) {
    case 'begin':
      return begin(state, request, context)
    case 'processing':
      return processing(state, request, context)
    case 'waiting':
    case 'resumed':
      return news(state, request, context)
    default:
      return accept(outcomeEvents(state, request, request.runId, context))
  }
}

type Welcome = { ok: true; events: TaskEvent[]; state: TaskState } | { ok: false; refusal: Decision }

/**
 * Brings the row to where this run's report makes sense, if it may be brought there: a run may speak up
 * after its claim was released, or after main was restored from a backup that does not know it yet.
 */
function welcomeRun(state: TaskState, request: RunReport, context: DecisionContext): Welcome {
  const current = currentAttempt(state)
  const n = request.attempt
  if (state.status === 'completed' || state.status === 'cancelled') {
    return { ok: false, refusal: refuse(state, request.status, 'wrong_status') }
  }
  if (n < current) {
    return { ok: false, refusal: refuse(state, request.status, 'wrong_attempt', `attempt ${n} is over`) }
  }
  if (n > current || state.status === 'failed') {
    return { ok: true, ...apply(state, restoreEvents(state, n, context), adoptedEvent, context) }
  }
  if (state.status === 'pending') return { ok: true, ...apply(state, [], adoptedEvent, context) }
  return { ok: true, events: [], state }
}

function apply(
  state: TaskState,
  first: TaskEvent[],
  last: (state: TaskState, context: DecisionContext) => TaskEvent,
  context: DecisionContext,
): { events: TaskEvent[]; state: TaskState } {
  const before = first.reduce(evolve, state)
  const event = last(before, context)
  return { events: [...first, event], state: evolve(before, event) }
}

function adoptedEvent(state: TaskState, context: DecisionContext): TaskEvent {
  return queuedEvent(state, context, {
    fencingToken: context.newToken,
    takeOver: false,
    alone: false,
    adopted: true,
  })
}

/** Main has forgotten attempts: none of them may be numbered again, and each may have created something. */
function restoreEvents(state: TaskState, n: number, context: DecisionContext): TaskEvent[] {
  const events: TaskEvent[] = []
  if (state.status === 'processing') {
    events.push(
      failedEvent(state, state.runId, context, {
        error: { code: 'lost_in_restore', message: `A run of attempt ${n} reported: this attempt ended unseen` },
        retryable: true,
      }),
    )
  }
  const openIntents: CreateIntent[] = Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))
  events.push({ type: 'restored', attempt: n, attempts: n - 1, openIntents })
  return events
}

function begin(state: TaskState, request: Begin, context: DecisionContext): Decision {
  const answer = {
    ...(state.providerTask && { providerTask: state.providerTask }),
    openIntents: state.openIntents.filter((intent) => intent.attempt !== request.attempt),
  }
  if (state.runId === request.runId) return accept([], { begin: answer })

  const intent = request.createIntent === false ? null : { attempt: request.attempt, at: context.now }
  const begun: TaskEvent = {
    type: 'begun',
    attempt: request.attempt,
    runId: request.runId,
    fencingToken: context.newToken,
    leaseExpiresAt: context.now + context.policy.stuckTimeoutSeconds,
    intent,
  }
  return accept([begun], { begin: answer })
}

function processing(state: TaskState, request: Processing, context: DecisionContext): Decision {
  const event: TaskEvent = {
    type: 'processing',
    attempt: request.attempt,
    at: context.now,
    runId: request.runId,
    fencingToken: context.newToken,
    providerTask: request.providerTask ?? null,
    ...(state.runId === null && { intent: { attempt: request.attempt, at: context.now } }),
  }
  if (state.status !== 'processing') return accept([event])

  const known = state.providerTask?.id
  if (request.providerTask && request.providerTask.id !== known) {
    return refuse(state, 'processing', 'other_provider_task', `this attempt's provider task is ${known ?? 'none'}`)
  }
  return accept([])
}

/** Only what differs from what is known is an event: a run may wait for hours, and say so at each try. */
function news(state: TaskState, request: Waiting | Resumed, { now }: DecisionContext): Decision {
  const { attempt, runId } = request
  const known = state.waitingFor ?? null
  if (request.status === 'resumed') return accept(known === null ? [] : [{ type: 'resumed', attempt, runId }])

  const { reason, nextTrySeconds } = request
  if (known?.code === reason.code) return accept([])
  const nextTryAt = nextTrySeconds === undefined ? null : now + nextTrySeconds
  const { code, message } = reason
  return accept([{ type: 'waiting', attempt, runId, waitingFor: { code, message, since: now, nextTryAt } }])
}
