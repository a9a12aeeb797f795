/**
 * The task protocol: may this request happen to this row, what events does it create, what is answered.
 *
 * `n` is the attempt in the request, `current` is `attempts + 1`. A run is checked by attempt and runId,
 * never by token: its claim may have been taken over while it lives on. Everyone else is checked by
 * attempt and token: whatever they concluded was concluded about the row as it was then.
 *
 * | request, by                         | allowed when                                          | events                    |
 * |-------------------------------------|-------------------------------------------------------|---------------------------|
 * | queued (claim), processor           | pending and due; failed, retryable and due; lease over | queued                    |
 * | begin, run                          | n = current, live, runId empty or the same            | begun (first time only)   |
 * | processing, run                     | n = current, live, runId empty or the same            | processing (once)         |
 * | completed / failed, run             | n = current, live, runId empty or the same            | [processing] completed / failed |
 * | any of these four on `pending`      | n = current                                           | queued (adopted), as above |
 * | … from after a restored backup      | n > current, or n = current while failed              | restored, queued, as above |
 * | the same outcome again              | attempt n ended that way                              | none                      |
 * | released / renewed, processor       | n = current, queued, token equal                      | released / renewed        |
 * | verdict: completed / failed         | n = current, live, token equal                        | as the run's own, whose begin a restore may have lost |
 * | verdict: running                    | n = current, live, token equal                        | checked                   |
 * | verdict: closed                     | cancelled, token equal                                | runClosed                 |
 * | cancelled, operator                 | not final                                             | cancelled                 |
 * | retry, operator                     | failed                                                | retried                   |
 *
 * "Live" is queued or processing. Pure: no clock, no chance, no I/O; what varies comes in the context.
 */
import { claimableAt, evolve } from './evolve.js'
import { backoffSeconds, type TaskPolicy } from './policy.js'
import type {
  Acceptance,
  Begin,
  Claim,
  CreateIntent,
  Decision,
  Failure,
  OperatorRequest,
  Processing,
  ProcessorReport,
  RefusalReason,
  Release,
  Renewal,
  RunOutcome,
  RunReport,
  TaskEvent,
  TaskRequest,
  TaskState,
  Verdict,
} from './types.js'

export interface DecisionContext {
  /** The database's time, unix seconds. */
  now: number
  /** A fresh random token, used if the row's token is to change. */
  newToken: string
  /** In [0, 1): the chance in back-offs. */
  random: number
  policy: TaskPolicy
}

/** Decides one request against one row. The caller holds the row's lock, and carries out what is decided. */
export function decide(state: TaskState, request: TaskRequest, context: DecisionContext): Decision {
  if ('runId' in request) return decideRunReport(state, request, context)
  if ('by' in request) return decideOperatorRequest(state, request, context)
  return decideProcessorReport(state, request, context)
}

function decideProcessorReport(state: TaskState, request: ProcessorReport, context: DecisionContext): Decision {
  switch (request.status) {
    case 'queued':
      return claim(state, request, context)
    case 'released':
    case 'renewed':
      return releaseOrRenew(state, request, context)
    default:
      return verdict(state, request, context)
  }
}

// Claims

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

function releaseOrRenew(state: TaskState, request: Release | Renewal, context: DecisionContext): Decision {
  const stale = staleProcessor(state, request)
  if (stale) return stale
  if (state.status !== 'queued') return refuse(state, request.status, 'wrong_status')

  const attempt = request.attempt
  if (request.status === 'renewed') {
    return accept([{ type: 'renewed', attempt, leaseExpiresAt: context.now + context.policy.stuckTimeoutSeconds }])
  }
  const pause = backoffSeconds(context.policy.releaseBackoff, state.releases + 1, context.random)
  return accept([{ type: 'released', attempt, fencingToken: context.newToken, dueAt: context.now + pause }])
}

// Runs

function decideRunReport(state: TaskState, request: RunReport, context: DecisionContext): Decision {
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
    runId: request.runId,
    fencingToken: context.newToken,
    providerTask: request.providerTask ?? null,
  }
  if (state.status !== 'processing') return accept([event])

  const known = state.providerTask?.id
  if (request.providerTask && request.providerTask.id !== known) {
    return refuse(state, 'processing', 'other_provider_task', `this attempt's provider task is ${known ?? 'none'}`)
  }
  return accept([])
}

/** An attempt's end; one that is still `queued` passes through `processing` first, in the same transaction. */
function outcomeEvents(
  state: TaskState,
  outcome: RunOutcome | Extract<Verdict, { status: 'completed' | 'failed' }>,
  runId: string | null,
  context: DecisionContext,
): TaskEvent[] {
  if (outcome.status === 'failed') return [failedEvent(state, runId, context, outcome)]

  const attempt = outcome.attempt
  const fencingToken = context.newToken
  const completed: TaskEvent = { type: 'completed', attempt, runId, fencingToken, result: outcome.result ?? null }
  if (state.status === 'processing') return [completed]
  return [{ type: 'processing', attempt, runId, fencingToken, providerTask: null }, completed]
}

// Verdicts on runs

function verdict(state: TaskState, request: Verdict, context: DecisionContext): Decision {
  if (isOutcome(request) && state.outcomes[request.attempt] === request.status) return accept([])
  const stale = staleProcessor(state, request)
  if (stale) return stale

  if (request.status === 'closed') {
    if (state.status !== 'cancelled') return refuse(state, 'closed', 'wrong_status')
    return accept([{ type: 'runClosed', attempt: request.attempt, checkedAt: context.now }])
  }
  if (!isLive(state)) return refuse(state, request.status, 'wrong_status')
  if (request.status === 'running') {
    const leaseExpiresAt = state.status === 'queued' ? context.now + context.policy.stuckTimeoutSeconds : null
    return accept([{ type: 'checked', attempt: request.attempt, checkedAt: context.now, leaseExpiresAt }])
  }
  return accept(outcomeEvents(state, request, state.runId, context))
}

// Operators

function decideOperatorRequest(state: TaskState, request: OperatorRequest, context: DecisionContext): Decision {
  const attempt = currentAttempt(state)
  if (request.status === 'retry') {
    if (state.status !== 'failed') return refuse(state, 'retry', 'wrong_status')
    const attemptLimit = state.attempts + request.extraAttempts
    return accept([{ type: 'retried', attempt, attemptLimit, dueAt: context.now, by: request.by }])
  }
  if (isFinal(state)) return refuse(state, 'cancelled', 'wrong_status')
  const reason = request.reason ?? null
  return accept([{ type: 'cancelled', attempt, fencingToken: context.newToken, by: request.by, reason }])
}

// What the rules above share

/** The attempt that is under way, or would be next. */
export function currentAttempt(state: TaskState): number {
  return state.attempts + 1
}

/** Whether nothing but an operator can move the row again. */
export function isFinal(state: TaskState): boolean {
  if (state.status === 'failed') return claimableAt(state) === null
  return state.status === 'completed' || state.status === 'cancelled'
}

function isLive(state: TaskState): boolean {
  return state.status === 'queued' || state.status === 'processing'
}

function isOutcome<R extends { status: string }>(
  request: R,
): request is Extract<R, { status: 'completed' | 'failed' }> {
  return request.status === 'completed' || request.status === 'failed'
}

function staleProcessor(state: TaskState, request: Release | Renewal | Verdict): Decision | null {
  if (request.attempt !== currentAttempt(state)) {
    return refuse(state, request.status, 'wrong_attempt', `the current attempt is ${currentAttempt(state)}`)
  }
  if (request.fencingToken !== state.fencingToken) {
    return refuse(state, request.status, 'stale_token', 'the row has changed since its token was read')
  }
  return null
}

function queuedEvent(
  state: TaskState,
  { now, policy }: DecisionContext,
  how: { fencingToken: string; takeOver: boolean; alone: boolean; adopted: boolean },
): TaskEvent {
  return {
    type: 'queued',
    attempt: currentAttempt(state),
    startedAt: now,
    leaseExpiresAt: now + policy.stuckTimeoutSeconds,
    ...how,
  }
}

function failedEvent(
  state: TaskState,
  runId: string | null,
  { now, newToken, random, policy }: DecisionContext,
  failure: Omit<Failure, 'status'> & { seenRunId?: string },
): TaskEvent {
  const attempt = currentAttempt(state)
  const beginForgotten = state.runId === null && (runId ?? failure.seenRunId ?? null) !== null
  const pause = Math.max(backoffSeconds(policy.retryBackoff, attempt, random), failure.retryAfterSeconds ?? 0)
  return {
    type: 'failed',
    attempt,
    runId,
    fencingToken: newToken,
    error: { code: failure.error.code, message: failure.error.message },
    retryable: failure.retryable,
    dueAt: now + pause,
    providerEnded: failure.providerEnded ?? false,
    intent: beginForgotten ? { attempt, at: now } : null,
  }
}

function accept(events: TaskEvent[], answer: Omit<Acceptance, 'ok'> = {}): Decision {
  return { events, answer: { ok: true, ...answer } }
}

function refuse(state: TaskState, to: TaskRequest['status'], reason: RefusalReason, detail = ''): Decision {
  const error = `Cannot transition to ${to} from ${state.status}${detail && `: ${detail}`}`
  return { events: [], answer: { ok: false, reason, error } }
}
