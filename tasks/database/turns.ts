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

/** Who is next: the least. What is brief passes only what is preferred too: users wait in the order of asking. */
type Rank = 0 | 1 | 2

interface Waiter {
  rank: Rank
  begin(): void
}

/** Lets others have this turn while one waits, and takes another one afterwards. Throws as `take` does. */
export type Leave = (wait: () => Promise<void>) => Promise<void>

/** How many turns in a row may pass over those of a rank that wait. */
const MOST_PASSES = 3

/**
 * So many at a time: the preferred ones first, of these the brief ones, otherwise in the order in which they asked.
 * After three turns of others one of each rank that waits has its turn, so that nobody starves.
 */
export class Turns {
  #free: number
  readonly #passes: Record<Rank, number> = { 0: 0, 1: 0, 2: 0 }
  readonly #waiting: Waiter[] = []

  constructor(atOnce = 1) {
    this.#free = atOnce
  }

  /**
   * Runs `work` when it is its turn.
   * @param brief whether it takes so little time that what else is preferred loses nothing by letting it pass
   * @throws OverloadedError where that takes longer than the urgency of this call allows; without one it waits
   */
  async take<T>(work: (leave: Leave) => Promise<T>, { brief = false } = {}): Promise<T> {
    if (!this.#takeFree()) await this.#wait(brief)
    let has = true
    const leave: Leave = async (wait) => {
      has = false
      this.#next()
      await wait()
      if (!this.#takeFree()) await this.#wait(brief)
      has = true
    }
    try {
      return await work(leave)
    } finally {
      // Work that never leaves this thread would let a whole queue of it pass before anything is read from a socket.
      if (has) setImmediate(() => this.#next())
    }
  }

  /** Whether there was a free turn, which is taken then. */
  #takeFree(): boolean {
    if (this.#free === 0) return false
    this.#free--
    return true
  }

  #wait(brief: boolean): Promise<void> {
    const { beginBy, maxWaitMs, preferred } = urgency.getStore() ?? NOT_URGENT
    const leftMs = beginBy - performance.now()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        rank: preferred ? (brief ? 0 : 1) : 2,
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
    const rank = this.#nextRank()
    if (rank === undefined) {
      this.#free++
      return
    }
    const index = this.#waiting.findIndex((item) => item.rank === rank)
    const [waiter] = this.#waiting.splice(index, 1)
    waiter?.begin()
  }

  #nextRank(): Rank | undefined {
    const ranks = [...new Set(this.#waiting.map(({ rank }) => rank))].sort()
    const next = ranks.findLast((rank) => this.#passes[rank] >= MOST_PASSES) ?? ranks[0]
    for (const rank of ranks) this.#passes[rank] = rank === next ? 0 : this.#passes[rank] + 1
    return next
  }
}

const NOT_URGENT: Urgency = { beginBy: Number.POSITIVE_INFINITY, maxWaitMs: 0, preferred: false }
