import type { CreateIntent } from './messages.js'
import { startsStatus, TRANSITIONS } from './transitions.js'
import type { Charge, TaskEvent, TaskState } from './types.js'

/** A new task. */
export function initialTaskState(attemptLimit: number, dueAt = 0): TaskState {
  return {
    status: 'pending',
    attempts: 0,
    attemptLimit,
    retryable: true,
    dueAt,
    startedAt: null,
    leaseExpiresAt: null,
    fencingToken: null,
    runId: null,
    claim: null,
    takeOvers: 0,
    releases: 0,
    providerTask: null,
    openIntents: [],
    outcomes: {},
    result: null,
    error: null,
    runUnseen: false,
    checkedAt: null,
    waitingFor: null,
  }
}

/**
 * The state after an event. `decide` has checked, under the row's lock, that the event is allowed. Pure, so that the
 * same events always lead to the same row.
 *
 * @throws Error if the event cannot happen to a row of this status
 */
export function evolve(state: TaskState, event: TaskEvent): TaskState {
  const status = TRANSITIONS[state.status][event.type]
  if (status === undefined) throw new Error(`No ${event.type} can happen to a task that is ${state.status}`)
  const after = { ...state, ...changes(state, event) }
  if (!startsStatus(state.status, status, event.type)) return after
  // A change of status ends the previous wait.
  return { ...after, status, statusSince: movedAt(event), waitingFor: null }
}

/** When an event that changed the status happened. */
function movedAt(event: TaskEvent): number | undefined {
  if (event.type === 'queued') return event.startedAt
  return 'at' in event ? event.at : undefined
}

/** What an event changes besides the status. */
function changes(state: TaskState, event: TaskEvent): Partial<TaskState> {
  switch (event.type) {
    case 'queued': {
      const newAttempt = state.status === 'failed'
      const runId = newAttempt ? null : state.runId
      const takeOvers = newAttempt ? 0 : state.takeOvers
      return {
        startedAt: event.startedAt,
        leaseExpiresAt: event.leaseExpiresAt,
        fencingToken: event.fencingToken,
        claim: { takeOver: event.takeOver, alone: event.alone },
        runId,
        takeOvers: event.takeOver && runId === null ? takeOvers + 1 : takeOvers,
        releases: newAttempt ? 0 : state.releases,
        checkedAt: newAttempt ? null : state.checkedAt,
      }
    }
    case 'begun':
      return {
        runId: event.runId,
        fencingToken: event.fencingToken,
        leaseExpiresAt: event.leaseExpiresAt,
        takeOvers: 0,
        releases: 0,
        openIntents: withIntent(state.openIntents, event.intent),
      }
    case 'processing':
      return {
        runId: event.runId ?? state.runId,
        fencingToken: event.fencingToken,
        leaseExpiresAt: null,
        providerTask: event.providerTask ?? state.providerTask,
        openIntents: event.providerTask ? [] : withIntent(state.openIntents, event.intent ?? null),
      }
    case 'waiting':
      return { waitingFor: event.waitingFor }
    case 'resumed':
      return { waitingFor: null }
    case 'completed':
      return {
        ...endAttempt(state, event),
        result: event.result,
        error: null,
        openIntents: [],
        ...charged(state, event),
      }
    case 'failed':
      return {
        ...endAttempt(state, event),
        error: event.error,
        retryable: event.retryable,
        dueAt: event.dueAt,
        providerTask: event.providerEnded ? null : state.providerTask,
        openIntents: event.providerEnded ? [] : withIntent(state.openIntents, event.intent),
        ...charged(state, event),
      }
    case 'released':
      return {
        fencingToken: event.fencingToken,
        leaseExpiresAt: null,
        claim: null,
        dueAt: event.dueAt,
        releases: state.releases + 1,
      }
    case 'checked':
      return {
        checkedAt: event.checkedAt,
        leaseExpiresAt: event.leaseExpiresAt ?? state.leaseExpiresAt,
        takeOvers: 0,
      }
    case 'cancelled':
      return {
        fencingToken: event.fencingToken,
        leaseExpiresAt: null,
        runUnseen: mayHaveLiveRun(state),
        checkedAt: null,
        ...charged(state, event),
      }
    case 'runClosed':
      return { runUnseen: false, checkedAt: event.checkedAt }
    case 'letThrough':
      return { letThrough: true }
    case 'retried':
      return { attemptLimit: event.attemptLimit, retryable: true, dueAt: event.dueAt }
    case 'restored':
      return { attempts: event.attempts, runId: null, openIntents: event.openIntents }
  }
}

/** The current attempt, or else the next one. */
export function currentAttempt(state: TaskState): number {
  return state.attempts + 1
}

export function isLive(state: TaskState): boolean {
  return state.status === 'queued' || state.status === 'processing'
}

/** Whether only an operator can move the row again. */
export function isFinal(state: TaskState): boolean {
  if (state.status === 'failed') return claimableAt(state) === null
  return state.status === 'completed' || state.status === 'cancelled'
}

/**
 * When the row becomes claimable, or null if only an event can make it so. Stored with the row, it makes "what is due"
 * one indexed comparison.
 */
export function claimableAt(state: TaskState): number | null {
  switch (state.status) {
    case 'pending':
      return state.dueAt
    case 'failed':
      return state.retryable && state.attempts < state.attemptLimit ? state.dueAt : null
    case 'queued':
      return state.leaseExpiresAt
    default:
      return null
  }
}

/**
 * Since when nobody has checked the row's run in Temporal, or null if there is none to check. Checked are runs that are
 * `processing`, and those of cancelled tasks that were not seen closed.
 */
export function uncheckedSince(state: TaskState): number | null {
  if (state.status === 'processing') return state.checkedAt ?? state.startedAt ?? 0
  // Its run has to be cancelled at once.
  if (state.status === 'cancelled' && state.runUnseen) return state.checkedAt ?? 0
  return null
}

function withIntent(open: CreateIntent[], intent: CreateIntent | null): CreateIntent[] {
  const isNew = intent !== null && !open.some((other) => other.attempt === intent.attempt)
  return isNew ? [...open, intent] : open
}

function charged(state: TaskState, { charges }: { charges?: Charge[] }): Pick<TaskState, 'charges'> {
  if (!charges) return {}
  return { charges: { ...state.charges, ...Object.fromEntries(charges.map((charge) => [charge.attempt, charge])) } }
}

/** A run may be alive after a claim, and after a release only if it had begun. */
function mayHaveLiveRun(state: TaskState): boolean {
  return isLive(state) || (state.status === 'pending' && state.runId !== null)
}

function endAttempt(
  state: TaskState,
  event: { type: 'completed' | 'failed'; attempt: number; runId: string | null; fencingToken: string },
): Partial<TaskState> {
  return {
    attempts: state.attempts + 1,
    runId: event.runId ?? state.runId,
    fencingToken: event.fencingToken,
    leaseExpiresAt: null,
    claim: null,
    outcomes: { ...state.outcomes, [event.attempt]: event.type },
  }
}
