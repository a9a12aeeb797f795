/** Who waits in this process for something to arrive, such as a task to claim. */
import { pause } from '../lib/abort.js'

export const LOOK_EVERY_MS = 1000

/** Who waits to claim, kept from all wake-ups until it is given something, or woken. */
export interface Reserved<Given> {
  claimId: string
  give(given: Given): void
  wake(): void
}

interface Claimer<Given> {
  wake(): void
  reserve(): Reserved<Given>
}

/**
 * Of those who claim, one is woken for each arrival: the one that has waited longest. Whoever is woken claims, and wakes
 * the next one if it cannot, or if there may be more. So an arrival is with one claimer at any time, or `untaken`.
 * Whoever has already claimed what arrives for one of them reserves and gives it instead.
 */
export class Arrivals<Given = never> {
  /** Counts what is told, so that one between a look and the following wait is not missed. */
  count = 0
  /** Who only looks: all of them are woken. */
  readonly #looking = new Set<() => void>()
  readonly #claiming = new Set<Claimer<Given>>()
  /** Something arrived while no claimer waited, and none has begun to claim since. */
  #untaken = false

  /** How often who waits should look for what nobody tells. */
  get lookEveryMs(): number {
    return LOOK_EVERY_MS
  }

  get anyWaits(): boolean {
    return this.#looking.size + this.#claiming.size > 0
  }

  get anyClaims(): boolean {
    return this.#claiming.size > 0
  }

  /** Whether something has arrived that no claimer has begun to claim. */
  get isUntaken(): boolean {
    return this.#untaken
  }

  /** @returns whether a claimer was woken */
  wake(): boolean {
    this.#tellLooking()
    const [first] = this.#claiming
    first?.wake()
    this.#untaken = first === undefined
    return first !== undefined
  }

  #tellLooking(): void {
    this.count += 1
    for (const resolve of this.#looking) resolve()
  }

  /** Resolves after a wake-up later than `seen`, after `ms`, or when `signal` aborts. Never rejects. */
  next(seen: number, ms: number, signal: AbortSignal): Promise<void> {
    if (seen !== this.count) return Promise.resolve()
    return pause(ms, signal, (wake) => {
      this.#looking.add(wake)
      return () => this.#looking.delete(wake)
    })
  }

  /** Claims what has arrived. If that does not come to its end, another claimer is woken. */
  async take<T>(claim: () => Promise<T>): Promise<T> {
    this.#untaken = false
    try {
      return await claim()
    } catch (error) {
      this.wake()
      throw error
    }
  }

  /** Reserves the claimer that has waited longest; undefined if none waits. */
  reserve(): Reserved<Given> | undefined {
    const [first] = this.#claiming
    return first?.reserve()
  }

  /**
   * Waits for something to claim, after `ms` or when `signal` aborts no longer; but who is reserved waits for the end of
   * that. Never rejects.
   * @returns whether it was woken: then it must `take`; or what it was given
   */
  async untilWoken(ms: number, signal: AbortSignal, claimId = ''): Promise<boolean | Given> {
    if (this.#untaken && !signal.aborted) {
      this.#untaken = false
      return true
    }
    let woken: boolean | Promise<Given | true> = false
    await pause(ms, signal, (end) => {
      const claimer: Claimer<Given> = {
        wake() {
          woken = true
          end()
        },
        reserve: () => {
          let settle: (outcome: Given | true) => void = () => {}
          woken = new Promise((resolve) => {
            settle = resolve
          })
          end()
          const wake = () => {
            this.#tellLooking()
            settle(true)
          }
          return { claimId, give: settle, wake }
        },
      }
      this.#claiming.add(claimer)
      return () => this.#claiming.delete(claimer)
    })
    return woken
  }
}
