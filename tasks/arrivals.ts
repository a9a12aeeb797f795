import { pause } from '../lib/abort.js'

/** Wakes requests that wait for a task to claim, within this process. Tasks of other processes are found by polling. */
export class Arrivals {
  /** Counts the wake-ups, so that one between a look and the following wait is not missed. */
  count = 0
  /** Who only looks: all of them are woken. */
  readonly #looking = new Set<() => void>()
  /** Who claims what there is: one of them is enough, the one that has waited longest. */
  readonly #claiming = new Set<() => void>()

  wake(): void {
    this.count += 1
    for (const resolve of this.#looking) resolve()
    const [first] = this.#claiming
    first?.()
  }

  /** Resolves after a wake-up later than `seen`, after `ms`, or when `signal` aborts. Never rejects. */
  next(seen: number, ms: number, signal: AbortSignal, { claims = false } = {}): Promise<void> {
    if (seen !== this.count) return Promise.resolve()
    const waiting = claims ? this.#claiming : this.#looking
    return pause(ms, signal, (wake) => {
      waiting.add(wake)
      return () => waiting.delete(wake)
    })
  }
}
