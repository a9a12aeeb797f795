/**
 * The states of the loop that claims:
 * - `idle`: not started
 * - `checking`: asks the gates whether anything may be claimed
 * - `fetching`: asks main for tasks (long poll)
 * - `claiming`: claims them and goes on to start them, until half of the slots are free
 * - `waiting`: pauses before the next round
 * - `stopping`: waits for the claims and starts in flight
 * - `stopped`: all of it is over
 */
export type PullLoopState = 'idle' | 'checking' | 'fetching' | 'claiming' | 'waiting' | 'stopping' | 'stopped'

/** The allowed transitions, and their causes. A loop that violates them is broken, and dies. */
export const PULL_LOOP_MOVES: Readonly<Record<PullLoopState, readonly PullLoopState[]>> = {
  // It is started; or was stopped before that.
  idle: ['checking', 'stopping'],
  // All gates are open; or one is closed.
  checking: ['fetching', 'waiting'],
  // There are tasks; or none, or main did not answer, or a gate closed meanwhile; or main's long poll found none.
  fetching: ['claiming', 'waiting', 'checking', 'stopping'],
  // There may be more tasks, to be fetched at once; or there are none, or none could be claimed.
  claiming: ['checking', 'waiting', 'stopping'],
  // The pause is over, or a stop ended it.
  waiting: ['checking', 'stopping'],
  // Nothing is in flight any more.
  stopping: ['stopped'],
  stopped: [],
}
