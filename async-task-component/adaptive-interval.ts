import { type Backoff, BY_A_FIFTH, backoff } from '../lib/backoff.js'

/**
 * The outcome of a round of the pull loop:
 * - `full`: some were claimed, and main may be asked again at once: there may be more, or it waits for more (long poll)
 * - `some`: fewer tasks than requested, and main does not wait for more
 * - `empty`: none, or none that could be claimed
 * - `waited`: none, but main did the waiting (long poll)
 * - `closed`: a gate is closed
 * - `error`: main did not answer
 * - `unauthorized`: main does not accept the token
 */
export type RoundOutcome = (typeof ROUND_OUTCOMES)[number]
export const ROUND_OUTCOMES = ['full', 'some', 'empty', 'waited', 'closed', 'error', 'unauthorized'] as const

export interface AdaptiveIntervalOptions {
  /** Pause between polls while tasks keep coming, if main does not wait for them (long poll). */
  pollIntervalMs: number
  /** The longest pause while no tasks come. */
  maxPollIntervalMs: number
  /** In [0, 1); replaced in tests. */
  random?: () => number
}

/** How long the pull loop waits before its next round. Each kind of trouble has its own back-off. */
export class AdaptiveInterval {
  /** Milliseconds. */
  readonly #policies: Record<RoundOutcome, Backoff>
  readonly #random: () => number
  #last: RoundOutcome | null = null
  #inARow = 0

  constructor({ pollIntervalMs, maxPollIntervalMs, random = Math.random }: AdaptiveIntervalOptions) {
    this.#random = random
    const jitter = BY_A_FIFTH
    const longestMs = Math.max(pollIntervalMs, maxPollIntervalMs)
    const constant = (ms: number) => ({ first: ms, max: ms, jitter })
    this.#policies = {
      full: constant(0),
      waited: constant(0),
      some: constant(pollIntervalMs),
      empty: { first: pollIntervalMs, max: longestMs, factor: 1.5, jitter },
      // Checking a gate costs main nothing, and tasks are waiting for it to open.
      closed: constant(pollIntervalMs),
      // Tasks are queued within ten seconds after main is back.
      error: { first: 2 * pollIntervalMs, max: Math.max(pollIntervalMs, 5000), jitter },
      // Only a person can correct a wrong token, and every try logs a line in main.
      unauthorized: { first: 5 * pollIntervalMs, max: 60_000, jitter },
    }
  }

  /** The pause after a round with this outcome, in milliseconds. */
  after(outcome: RoundOutcome): number {
    this.#inARow = outcome === this.#last ? this.#inARow + 1 : 1
    this.#last = outcome
    return Math.round(backoff(this.#policies[outcome], this.#inARow, this.#random))
  }
}
