/** Who waits in this process for something to arrive, such as a task to claim. */
import { pause } from '../lib/abort.js'

export const LOOK_EVERY_MS = 1000

/**
 * Of those who claim, one is woken for each arrival: the one that has waited longest. Whoever is woken claims, and wakes
 * the next one if it cannot, or if there may be more. So an arrival is with one claimer at any time, or `untaken`.
 */
export class Arrivals {
  /** Counts the wake-ups, so that one between a look and the following wait is not missed. */
  count = 0
  /** Who only looks: all of them are woken. */
  readonly #looking = new Set<() => void>()
  readonly #claiming = new Set<() => void>()
  /** Something arrived while no claimer waited, and none has begun to claim since. */
  #untaken = false

  /** How often who waits should look for what nobody tells. */
  get lookEveryMs(): number {
    return LOOK_EVERY_MS
  }

  get anyWaits(): boolean {
    return this.#looking.size + this.#claiming.size > 0
  }

  /** Whether something has arrived that no claimer has begun to claim. */
  get isUntaken(): boolean {
    return this.#untaken
  }

  /** @returns whether a claimer was woken */
  wake(): boolean {
    this.count += 1
    for (const resolve of this.#looking) resolve()
    const [first] = this.#claiming
    first?.()
    this.#untaken = first === undefined
    return first !== undefined
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

  /**
   * Waits for something to claim, after `ms` or when `signal` aborts no longer. Never rejects.
   * @returns whether it was woken: then it must `take`
   */
  async untilWoken(ms: number, signal: AbortSignal): Promise<boolean> {
    let woken = this.#untaken && !signal.aborted
    if (woken) this.#untaken = false
    else {
      await pause(ms, signal, (end) => {
        const wake = () => {
          woken = true
          end()
        }
        this.#claiming.add(wake)
        return () => this.#claiming.delete(wake)
      })
    }
    return woken
  }
}
