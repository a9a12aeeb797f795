/** A queue with priorities and deadlines, for work of which only so much can run at a time. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** The request cannot begin before its deadline. Nothing of it was stored. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
  readonly code = 'OVERLOADED'
  readonly retryable = true

  constructor() {
    super('Main is busy; nothing was stored')
  }
}

/** How long work may wait before it begins, and whether it goes before earlier work. */
export interface Urgency {
  /** By the clock of `performance.now()`. */
  beginBy: number
  /** For a parked request, which begins after that deadline: how long each later wait may take. */
  maxWaitMs: number
  preferred: boolean
}

const urgency = new AsyncLocalStorage<Urgency>()

/** Runs `work`, and all it awaits, with this urgency. */
export function withUrgency<T>(value: Urgency, work: () => T): T {
  return urgency.run(value, work)
}

/** The rank; lowest first. Brief work only overtakes preferred work: users' requests keep their order. */
type Rank = 0 | 1 | 2

interface Waiter {
  rank: Rank
  begin(): void
}

/** Gives the turn to others during a wait, and takes a new one afterwards. Throws as `take` does. */
export type Leave = (wait: () => Promise<void>) => Promise<void>

/** After how many turns in a row a waiting rank must get one. */
const MOST_PASSES = 3

/**
 * A limited number at a time: preferred work first, of that brief work first, otherwise in the order of arrival. After
 * three turns of others each waiting rank gets one turn, so that none starves.
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
   * @param brief whether it takes so little time that other preferred work loses nothing by letting it pass
   * @throws OverloadedError if that takes longer than this call's urgency allows; without an urgency it waits
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
      // Otherwise a queue of synchronous work would run to its end before any socket is read.
      if (has) setImmediate(() => this.#next())
    }
  }

  /** Takes a free turn, if there is one. */
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
