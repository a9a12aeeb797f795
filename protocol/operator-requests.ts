/** Requests of operators, and of the application on their behalf: they act on the task as it is. */
import { currentAttempt, isFinal } from './evolve.js'
import type { OperatorRequest } from './messages.js'
import { accept, type DecisionContext, refuse } from './rule-parts.js'
import type { Decision, TaskState } from './types.js'

export function decideOperatorRequest(state: TaskState, request: OperatorRequest, context: DecisionContext): Decision {
  const attempt = currentAttempt(state)
  if (request.status === 'retry') {
    if (state.status !== 'failed') return refuse(state, 'retry', 'wrong_status')
    const attemptLimit = Math.max(state.attemptLimit, state.attempts + request.extraAttempts)
    return accept([{ type: 'retried', attempt, attemptLimit, dueAt: context.now, by: request.by }])
  }
  if (isFinal(state)) return refuse(state, 'cancelled', 'wrong_status')
  const reason = request.reason ?? null
  const { now: at, newToken: fencingToken } = context
  return accept([{ type: 'cancelled', attempt, at, fencingToken, by: request.by, reason }])
}
