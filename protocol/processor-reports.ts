/** Claims, releases and verdicts: from task processors and reconcilers, fenced by attempt and token. */
import { backoff } from '../lib/backoff.js'
import { claimableAt, currentAttempt, evolve, isLive } from './evolve.js'
import type { Claim, ProcessorReport, Release, Verdict } from './messages.js'
import { accept, type DecisionContext, failedEvent, outcomeEvents, queuedEvent, refuse } from './rule-parts.js'
import type { Acceptance, Decision, NoPlace, RefusalReason, TaskState } from './types.js'

export function decideProcessorReport(state: TaskState, request: ProcessorReport, context: DecisionContext): Decision {
  switch (request.status) {
    case 'queued':
      return claim(state, request, context)
    case 'released':
      return release(state, request, context)
    default:
      return verdict(state, request, context)
  }
}

const NO_PLACE: Record<NoPlace, string> = {
  at_capacity: 'as many tasks are in flight as the integration may have',
  user_at_capacity: 'as many tasks of its user are in flight as one may have',
  over_budget: 'the integration’s budget is used up',
  user_over_budget: 'its user’s budget is used up',
  paused: 'an operator has paused the integration',
}

function claim(state: TaskState, request: Claim, context: DecisionContext): Decision {
  const { now, policy } = context
  const alone = request.alone ?? false
  const refused = (reason: RefusalReason, detail?: string) => refuse(state, 'queued', reason, detail)

  const sameClaimAgain = state.status === 'queued' && request.fencingToken === state.fencingToken
  if (sameClaimAgain) return accept([], { claim: claimAnswer(state, now) })

  const from = claimableAt(state)
  if (from === null) {
    return state.status === 'failed' ? refused('attempts_used_up', 'its attempts are used up') : refused('wrong_status')
  }
  const takeOver = state.status === 'queued'
  if (from > now) {
    return takeOver
      ? refused('lease_held', 'its lease is not over')
      : refused('not_due', `it is not due for another ${Math.ceil(from - now)} s`)
  }
  // A take-over adds none: that task is already in flight.
  if (context.noPlace && !takeOver) return refused(context.noPlace, NO_PLACE[context.noPlace])
  const endedInVain = `${state.takeOvers} claims ended without a run`
  if (takeOver && state.takeOvers >= policy.poisonAfterTakeOvers && state.claim?.alone) {
    const error = { code: 'poisonous_task', message: `${endedInVain}, the last one although it was claimed alone` }
    const event = failedEvent(state, null, context, { error, retryable: false })
    return { events: [event], answer: { ok: false, reason: 'poisonous', error: `Task failed: ${endedInVain}` } }
  }
  if (takeOver && state.takeOvers >= policy.suspectAfterTakeOvers && !alone) {
    return refused('claim_alone', `${endedInVain}: claim it alone`)
  }
  const fencingToken = request.fencingToken ?? context.newToken
  const { claimId } = context
  const how = { fencingToken, takeOver, alone, adopted: false, ...(claimId !== undefined && { claimId }) }
  const event = queuedEvent(state, context, how)
  return accept([event], { claim: claimAnswer(evolve(state, event), now) })
}

function claimAnswer(state: TaskState, now: number): Acceptance['claim'] {
  return {
    attempt: currentAttempt(state),
    fencingToken: state.fencingToken ?? '',
    leaseSeconds: Math.max(0, (state.leaseExpiresAt ?? now) - now),
    takeOver: state.claim?.takeOver ?? false,
    ...(state.runId !== null && { runId: state.runId }),
  }
}

function release(state: TaskState, request: Release, context: DecisionContext): Decision {
  const stale = staleProcessor(state, request)
  if (stale) return stale
  if (state.status !== 'queued') return refuse(state, request.status, 'wrong_status')

  const { now: at, newToken: fencingToken } = context
  const pause = backoff(context.policy.releaseBackoff, state.releases + 1, () => context.random)
  return accept([{ type: 'released', attempt: request.attempt, at, fencingToken, dueAt: at + pause }])
}

/** A verdict on a run: the processor read the row first, then asked Temporal. */
function verdict(state: TaskState, request: Verdict, context: DecisionContext): Decision {
  if (state.outcomes[request.attempt] === request.status) return accept([])
  const stale = staleProcessor(state, request)
  if (stale) return stale

  if (request.status === 'closed') {
    if (state.status !== 'cancelled') return refuse(state, 'closed', 'wrong_status')
    return accept([{ type: 'runClosed', attempt: request.attempt, checkedAt: context.now }])
  }
  const cancelledAndRunning = request.status === 'running' && state.status === 'cancelled' && state.runUnseen
  if (!isLive(state) && !cancelledAndRunning) return refuse(state, request.status, 'wrong_status')
  if (request.status === 'running') {
    const leaseExpiresAt = state.status === 'queued' ? context.now + context.policy.stuckTimeoutSeconds : null
    return accept([{ type: 'checked', attempt: request.attempt, checkedAt: context.now, leaseExpiresAt }])
  }
  return accept(outcomeEvents(state, request, state.runId, context))
}

function staleProcessor(state: TaskState, request: Release | Verdict): Decision | null {
  if (request.attempt !== currentAttempt(state)) {
    return refuse(state, request.status, 'wrong_attempt', `the current attempt is ${currentAttempt(state)}`)
  }
  if (request.fencingToken !== state.fencingToken) {
    return refuse(state, request.status, 'stale_token', 'the row has changed since its token was read')
  }
  return null
}
