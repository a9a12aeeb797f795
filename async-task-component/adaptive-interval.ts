import { growingPauseMs, withJitter } from './pause.js'
import type { RetryPolicy } from './types.js'

/**
 * What a round of the pull loop came to:
 * - `full`: as many tasks as were asked for, and some were claimed: there may be more
 * - `some`: fewer tasks than asked for
 * - `empty`: none, or none that could be claimed
 * - `waited`: none, but main did the waiting
 * - `closed`: a gate is closed
 * - `error`: main did not answer
 * - `unauthorized`: main does not accept the token
 */
export type RoundOutcome = 'full' | 'some' | 'empty' | 'waited' | 'closed' | 'error' | 'unauthorized'

export interface AdaptiveIntervalOptions {
  /** Pause between polls while tasks keep coming. */
  pollIntervalMs: number
  /** To what the pause grows while none do. */
  maxPollIntervalMs: number
  /** In [0, 1); replaced in tests. */
  random?: () => number
}

/** How long the pull loop waits before its next round. Every kind of trouble backs off on its own. */
export class AdaptiveInterval {
  readonly #policies: Record<Exclude<RoundOutcome, 'full' | 'some' | 'waited'>, RetryPolicy>
  readonly #pollIntervalMs: number
  readonly #random: () => number
  #last: RoundOutcome | null = null
  #inARow = 0

  constructor({ pollIntervalMs, maxPollIntervalMs, random = Math.random }: AdaptiveIntervalOptions) {
    this.#pollIntervalMs = pollIntervalMs
    this.#random = random
    const maxPauseMs = Math.max(pollIntervalMs, maxPollIntervalMs)
    this.#policies = {
      empty: { firstPauseMs: pollIntervalMs, maxPauseMs, factor: 1.5 },
      // Asking a gate costs main nothing, and tasks are waiting for it to open.
      closed: { firstPauseMs: pollIntervalMs, maxPauseMs: pollIntervalMs, factor: 1 },
      // Tasks are queued within ten seconds of main's return.
      error: { firstPauseMs: 2 * pollIntervalMs, maxPauseMs: Math.max(pollIntervalMs, 5000), factor: 2 },
      // A wrong token is put right by a person, and every try is a line in main's log.
      unauthorized: { firstPauseMs: 5 * pollIntervalMs, maxPauseMs: 60_000, factor: 2 },
    }
  }

  /** The pause after a round that came to this, in milliseconds. */
  after(outcome: RoundOutcome): number {
    this.#inARow = outcome === this.#last ? this.#inARow + 1 : 1
    this.#last = outcome
    if (outcome === 'full' || outcome === 'waited') return 0
    if (outcome === 'some') return withJitter(this.#pollIntervalMs, this.#random())
    return withJitter(growingPauseMs(this.#policies[outcome], this.#inARow), this.#random())
  }
}
