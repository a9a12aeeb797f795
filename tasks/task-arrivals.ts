/** Who waits for tasks of one integration, and is woken by those that other processes made and those that become due. */
import { Arrivals, LOOK_EVERY_MS } from './arrivals.js'
import type { Notices } from './database/notices.js'

/** Whether a task may be claimed now; if not, in how many seconds the next one may be, if none arrives. */
export interface NextDue {
  due: boolean
  seconds: number | null
}

/**
 * A safety net where others tell what they did: one may die between its commit and its notice. Longer than a long poll,
 * which begins with a look.
 */
const RARELY_MS = 30_000
/** Pause if what is due was not claimed: others have just locked it. */
const LOCKED_MS = 50

/** One look at the database is for all who wait. While nobody waits there is none. */
export class TaskArrivals extends Arrivals {
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  /** Something happened while it looked. */
  #again = false
  #notBefore = 0

  constructor(
    private readonly topic: string,
    private readonly notices: Notices,
    private readonly nextDue: () => Promise<NextDue>,
  ) {
    super()
    notices.on(topic, (detail) => {
      if (detail !== undefined) return
      this.#notBefore = 0
      this.#look()
    })
  }

  override get lookEveryMs(): number {
    return this.notices.hears ? RARELY_MS : super.lookEveryMs
  }

  /** Other processes are told if no claimer waits in this one. */
  override wake(): boolean {
    const isTaken = super.wake()
    if (!isTaken) this.notices.tell(this.topic)
    return isTaken
  }

  /** A task becomes due soon: whoever waits will be woken then. */
  expect(): void {
    if (this.anyWaits) this.#look()
    else this.notices.tell(this.topic)
  }

  override async untilWoken(ms: number, signal: AbortSignal): Promise<boolean> {
    const woken = super.untilWoken(ms, signal)
    this.#look()
    try {
      return await woken
    } finally {
      if (!this.anyWaits) this.#rest()
    }
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    if (!this.anyWaits) return
    this.#again = this.#isLooking
    if (this.#isLooking) return
    this.#rest()
    const pauseMs = this.#notBefore - performance.now()
    if (pauseMs > 0) this.#lookIn(pauseMs)
    else void this.#lookNow()
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms)
  }

  async #lookNow(): Promise<void> {
    this.#isLooking = true
    // An unavailable database is asked again in a second.
    const next = await this.nextDue().catch(() => ({ due: false, seconds: LOOK_EVERY_MS / 1000 }))
    this.#isLooking = false
    if (next.due) {
      this.#notBefore = performance.now() + LOCKED_MS
      super.wake()
    }
    if (!this.anyWaits) return
    if (this.#again) this.#look()
    else this.#lookIn(next.due ? LOCKED_MS : Math.min(this.lookEveryMs, msUntil(next.seconds)))
  }
}

/** Not before it is due, however the milliseconds are cut off. */
export function msUntil(seconds: number | null): number {
  return seconds === null ? Number.POSITIVE_INFINITY : Math.floor(seconds * 1000) + 1
}
