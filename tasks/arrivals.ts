import { pause } from '../lib/abort.js'

/** Wakes requests that wait for a task to claim, within this process. Tasks of other processes are found by polling. */
export class Arrivals {
  /** Counts the wake-ups, so that one between a look and the following wait is not missed. */
  count = 0
  readonly #waiting = new Set<() => void>()

  wake(): void {
    this.count += 1
    for (const resolve of this.#waiting) resolve()
  }

  /** Resolves after a wake-up later than `seen`, after `ms`, or when `signal` aborts. Never rejects. */
  next(seen: number, ms: number, signal: AbortSignal): Promise<void> {
    if (seen !== this.count) return Promise.resolve()
    return pause(ms, signal, (wake) => {
      this.#waiting.add(wake)
      return () => this.#waiting.delete(wake)
    })
  }
}
