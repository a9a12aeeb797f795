/**
 * Notifies those who wait for a task to change: at once if this process changed it, within a second if another did.
 * Once a second one query checks all watched tasks, however many there are.
 */
import { pause } from '../lib/abort.js'
import { OverloadedError } from './database/turns.js'

/** A watch on one task. */
export interface TaskWatch {
  /**
   * Resolves once the task's timeline is no longer `entries` long, after `ms`, or when `signal` aborts. A change since
   * the watch began, or since the last call, resolves it at once. Never rejects.
   */
  next(entries: number, ms: number, signal: AbortSignal): Promise<void>
  end(): void
}

interface Waiting {
  entries: number
  wake(): void
}

const LOOK_EVERY_MS = 1000
/** Each watch holds a connection open. */
const MAX_WATCHES = 5_000

export class TaskWatches {
  readonly #watches = new Map<string, Set<Watch>>()
  #count = 0
  #looking: NodeJS.Timeout | undefined
  /** A slow database is not asked again before it has answered. */
  #isLooking = false

  /** @param lengths reads how many timeline entries these tasks have */
  constructor(private readonly lengths: (taskKeys: string[]) => Promise<Map<string, number>>) {}

  /**
   * Begin the watch before reading the task, so that no change in between is missed.
   * @throws OverloadedError if too many wait
   */
  begin(taskKey: string): TaskWatch {
    if (this.#count >= MAX_WATCHES) throw new OverloadedError()
    this.#count += 1
    const watches = this.#watches.get(taskKey) ?? new Set()
    const watch = new Watch(() => {
      this.#count -= 1
      watches.delete(watch)
      if (watches.size === 0) this.#watches.delete(taskKey)
      if (this.#watches.size > 0) return
      clearInterval(this.#looking)
      this.#looking = undefined
    })
    this.#watches.set(taskKey, watches.add(watch))
    this.#looking ??= setInterval(() => void this.#look(), LOOK_EVERY_MS)
    return watch
  }

  moved(taskKey: string): void {
    for (const watch of this.#watches.get(taskKey) ?? []) watch.moved()
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    // An unavailable database is asked again in a second.
    const lengths = await this.lengths([...this.#watches.keys()]).catch(() => new Map<string, number>())
    this.#isLooking = false
    for (const [taskKey, length] of lengths) {
      for (const watch of this.#watches.get(taskKey) ?? []) watch.isLong(length)
    }
  }
}

class Watch implements TaskWatch {
  #hasMoved = false
  #waiting: Waiting | null = null

  constructor(readonly end: () => void) {}

  moved(): void {
    this.#hasMoved = true
    this.#waiting?.wake()
  }

  isLong(length: number): void {
    if (this.#waiting && this.#waiting.entries !== length) this.#waiting.wake()
  }

  next(entries: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#hasMoved) {
      this.#hasMoved = false
      return Promise.resolve()
    }
    return pause(ms, signal, (wake) => {
      this.#waiting = { entries, wake }
      return () => {
        this.#waiting = null
        this.#hasMoved = false
      }
    })
  }
}
