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

/**
 * One look at the database is for all who wait, and for those who come before something may have become due. While nobody
 * waits there is none.
 */
export class TaskArrivals<Given = never> extends Arrivals<Given> {
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #notBefore = 0
  /** By the last look nothing becomes due until then, if nothing has been told since. */
  #quiet = { until: 0, count: 0 }

  constructor(
    private readonly topic: string,
    private readonly notices: Notices,
    private readonly nextDue: () => Promise<NextDue>,
  ) {
    super()
    notices.on(topic, (detail) => {
      if (detail !== undefined) return
      this.#notBefore = 0
      this.#stir()
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
    this.#stir()
    if (!this.anyWaits) this.notices.tell(this.topic)
  }

  #stir(): void {
    this.count += 1
    this.#look()
  }

  override async untilWoken(ms: number, signal: AbortSignal, claimId?: string): Promise<boolean | Given> {
    const woken = super.untilWoken(ms, signal, claimId)
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
    if (!this.anyWaits || this.#isLooking) return
    this.#rest()
    const quietUntil = this.#quiet.count === this.count ? this.#quiet.until : 0
    const pauseMs = Math.max(this.#notBefore, quietUntil) - performance.now()
    if (pauseMs > 0) this.#lookIn(pauseMs)
    else void this.#lookNow()
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms)
  }

  async #lookNow(): Promise<void> {
    this.#isLooking = true
    const { count } = this
    const at = performance.now()
    // An unavailable database is asked again in a second.
    const next = await this.nextDue().catch(() => ({ due: false, seconds: LOOK_EVERY_MS / 1000 }))
    this.#isLooking = false
    if (next.due) {
      this.#notBefore = performance.now() + LOCKED_MS
      super.wake()
    } else this.#quiet = { until: at + Math.min(this.lookEveryMs, msUntil(next.seconds)), count }
    this.#look()
  }
}

/** Not before it is due, however the milliseconds are cut off. */
export function msUntil(seconds: number | null): number {
  return seconds === null ? Number.POSITIVE_INFINITY : Math.floor(seconds * 1000) + 1
}
