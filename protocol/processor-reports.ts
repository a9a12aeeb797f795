/** Claims, releases and verdicts: from task processors and reconcilers, fenced by attempt and token. */
import { backoff } from '../lib/backoff.js'
import { claimableAt, evolve } from './evolve.js'
import type { Claim, ProcessorReport, Release, Verdict } from './messages.js'
import {
  accept,
  currentAttempt,
  type DecisionContext,
  failedEvent,
  isLive,
  outcomeEvents,
  queuedEvent,
  refuse,
} from './rule-parts.js'
import type { Acceptance, Decision, TaskEvent, TaskState } from './types.js'

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

function claim(state: TaskState, request: Claim, context: DecisionContext): Decision {
  const { now, policy } = context
  const alone = request.alone ?? false

  const sameClaimAgain = state.status === 'queued' && request.fencingToken === state.fencingToken
  if (sameClaimAgain) return accept([], { claim: claimAnswer(state, now) })

  const from = claimableAt(state)
  if (from === null) {
    const usedUp = state.status === 'failed'
    return refuse(
      state,
      'queued',
      usedUp ? 'attempts_used_up' : 'wrong_status',
      usedUp ? 'its attempts are used up' : '',
    )
  }
  const takeOver = state.status === 'queued'
  if (from > now) {
    const detail = takeOver ? 'its lease is not over' : `it is not due for another ${Math.ceil(from - now)} s`
    return refuse(state, 'queued', takeOver ? 'lease_held' : 'not_due', detail)
  }
  // A take-over adds none: that task is in flight already.
  if (context.atCapacity && !takeOver) {
    return refuse(state, 'queued', 'at_capacity', 'as many tasks are in flight as the integration may have')
  }

  if (takeOver && state.takeOvers >= policy.poisonAfterTakeOvers && state.claim?.alone) {
    return {
      events: [poisoned(state, context)],
      answer: {
        ok: false,
        reason: 'poisonous',
        error: `Task failed: ${state.takeOvers} claims ended without a run`,
      },
    }
  }
  if (takeOver && state.takeOvers >= policy.suspectAfterTakeOvers && !alone) {
    return refuse(state, 'queued', 'claim_alone', `${state.takeOvers} claims ended without a run: claim it alone`)
  }

  const event = queuedEvent(state, context, {
    fencingToken: request.fencingToken ?? context.newToken,
    takeOver,
    alone,
    adopted: false,
  })
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

function poisoned(state: TaskState, context: DecisionContext): TaskEvent {
  return failedEvent(state, null, context, {
    error: {
      code: 'poisonous_task',
      message: `${state.takeOvers} claims of this task ended without a run, the last one although it was claimed alone`,
    },
    retryable: false,
  })
}

function release(state: TaskState, request: Release, context: DecisionContext): Decision {
  const stale = staleProcessor(state, request)
  if (stale) return stale
  if (state.status !== 'queued') return refuse(state, request.status, 'wrong_status')

  const { now: at, newToken: fencingToken } = context
  const pause = backoff(context.policy.releaseBackoff, state.releases + 1, () => context.random)
  return accept([{ type: 'released', attempt: request.attempt, at, fencingToken, dueAt: at + pause }])
}

/** What a processor concluded about the run, from a look at the row and then one at Temporal. */
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
