/** Reports of a run, fenced by attempt and runId. */
import { currentAttempt, evolve } from './evolve.js'
import type { Begin, CreateIntent, Processing, Resumed, RunReport, Waiting } from './messages.js'
import { accept, type DecisionContext, failedEvent, outcomeEvents, queuedEvent, refuse } from './rule-parts.js'
import type { Decision, TaskEvent, TaskState } from './types.js'

export function decideRunReport(state: TaskState, request: RunReport, context: DecisionContext): Decision {
  const n = request.attempt
  if (state.outcomes[n] === request.status) return accept([])
  if (state.status === 'completed' || state.status === 'cancelled') {
    return refuse(state, request.status, 'wrong_status')
  }
  if (n < currentAttempt(state)) return refuse(state, request.status, 'wrong_attempt', `attempt ${n} is over`)

  const readmitted = readmit(state, n, context)
  const live = readmitted.reduce(evolve, state)
  if (live.runId !== null && live.runId !== request.runId) {
    return refuse(state, request.status, 'other_run', `attempt ${n} belongs to another run`)
  }
  const { events, answer } = decideLiveRunReport(live, request, context)
  return { events: answer.ok ? [...readmitted, ...events] : [], answer }
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

/**
 * Brings the row to a state in which the report of attempt `n` makes sense (adoption): the run's claim may have been
 * released, or main may have been restored from a backup that does not know the run yet.
 */
function readmit(state: TaskState, n: number, context: DecisionContext): TaskEvent[] {
  const isForgotten = n > currentAttempt(state) || state.status === 'failed'
  if (!isForgotten && state.status !== 'pending') return []
  const restored = isForgotten ? restoreEvents(state, n, context) : []
  const adopted = { fencingToken: context.newToken, takeOver: false, alone: false, adopted: true }
  return [...restored, queuedEvent(restored.reduce(evolve, state), context, adopted)]
}

/** Counts the attempts that main forgot: their numbers must not be reused, and each may have created something. */
function restoreEvents(state: TaskState, n: number, context: DecisionContext): TaskEvent[] {
  const openIntents: CreateIntent[] = Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))
  const restored: TaskEvent = { type: 'restored', attempt: n, attempts: n - 1, openIntents }
  if (state.status !== 'processing') return [restored]
  const error = { code: 'lost_in_restore', message: `A run of attempt ${n} reported: this attempt ended unseen` }
  return [failedEvent(state, state.runId, context, { error, retryable: true }), restored]
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

/** Only a change is an event: a run may wait for hours and report that at each try. */
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
