/** Requests of operators, and of the application on their behalf: they act on the task as it is. */
import { currentAttempt, isFinal, isLive } from './evolve.js'
import type { OperatorRequest } from './messages.js'
import { accept, chargesOf, type DecisionContext } from './rule-parts.js'
import type { Decision, TaskState } from './types.js'

export function decideOperatorRequest(state: TaskState, request: OperatorRequest, context: DecisionContext): Decision {
  const attempt = currentAttempt(state)
  if (request.status === 'retry') {
    if (state.status !== 'failed') return refused(`It is ${state.status}: only what has failed can be retried`)
    const attemptLimit = Math.max(state.attemptLimit, state.attempts + request.extraAttempts)
    return accept([{ type: 'retried', attempt, attemptLimit, dueAt: context.now, by: request.by }])
  }
  if (request.status === 'letThrough') {
    if (isLive(state) || isFinal(state)) return refused(`It is ${state.status}: only what waits can be let through`)
    const { by, reason } = request
    return accept(state.letThrough ? [] : [{ type: 'letThrough', attempt, at: context.now, by, reason }])
  }
  if (isFinal(state)) return refused(`It is over already: ${state.status}`)
  const reason = request.reason ?? null
  const { now: at, newToken: fencingToken } = context
  const charges = chargesOf(state, context, { open: state.openIntents })
  return accept([{ type: 'cancelled', attempt, at, fencingToken, by: request.by, reason, ...charges }])
}

/** In words for people, who read them as they are. */
function refused(error: string): Decision {
  return { events: [], answer: { ok: false, reason: 'wrong_status', error } }
}
