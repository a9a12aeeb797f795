/** Taking turns where only so many can work at a time, and giving up in time. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** The request cannot be worked on before its caller loses patience. Nothing of it was stored. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
  readonly code = 'OVERLOADED'
  readonly retryable = true

  constructor() {
    super('Main is busy; nothing was stored')
  }
}

/** How long work may wait before it begins, and whether before others' that came earlier. */
export interface Urgency {
  /** By the clock of `performance.now()`. */
  beginBy: number
  /** For what begins later than that, as the request was parked: how long each such wait may take. */
  maxWaitMs: number
  preferred: boolean
}

const urgency = new AsyncLocalStorage<Urgency>()

/** Runs `work`, and whatever it waits for, with this urgency. */
export function withUrgency<T>(value: Urgency, work: () => T): T {
  return urgency.run(value, work)
}

interface Waiter {
  /** The least is next. */
  rank: number
  begin(): void
}

/** How many turns in a row may pass over who has waited longest. */
const MOST_PASSES = 3

/**
 * So many at a time: the preferred ones first, of these the brief ones, otherwise in the order in which they asked.
 * Every fourth turn at least is the longest-waiting one's, so that nobody starves while others keep coming.
 */
export class Turns {
  #free: number
  #passes = 0
  readonly #waiting: Waiter[] = []

  constructor(atOnce = 1) {
    this.#free = atOnce
  }

  /**
   * Runs `work` when it is its turn.
   * @param brief whether it takes so little time that longer work of its urgency loses nothing by letting it pass
   * @throws OverloadedError where that takes longer than the urgency of this call allows; without one it waits
   */
  async take<T>(work: () => Promise<T>, { brief = false } = {}): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#wait(brief)
    try {
      return await work()
    } finally {
      // Work that never leaves this thread would let a whole queue of it pass before anything is read from a socket.
      setImmediate(() => this.#next())
    }
  }

  #wait(brief: boolean): Promise<void> {
    const { beginBy, maxWaitMs, preferred } = urgency.getStore() ?? NOT_URGENT
    const leftMs = beginBy - performance.now()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        rank: (preferred ? 0 : 2) + (brief ? 0 : 1),
        begin() {
          clearTimeout(timer)
          resolve()
        },
      }
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(new OverloadedError())
      }
      const timer = Number.isFinite(leftMs) ? setTimeout(giveUp, leftMs > 0 ? leftMs : maxWaitMs) : undefined
      this.#waiting.push(waiter)
    })
  }

  #next(): void {
    const next = this.#passes < MOST_PASSES ? this.#firstOfLeastRank() : 0
    this.#passes = next > 0 ? this.#passes + 1 : 0
    const [waiter] = this.#waiting.splice(next, 1)
    if (waiter) waiter.begin()
    else this.#free++
  }

  #firstOfLeastRank(): number {
    const ranks = this.#waiting.map(({ rank }) => rank)
    return Math.max(ranks.indexOf(Math.min(...ranks)), 0)
  }
}

const NOT_URGENT: Urgency = { beginBy: Number.POSITIVE_INFINITY, maxWaitMs: 0, preferred: false }
