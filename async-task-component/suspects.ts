import type { PendingTask } from '../protocol/wire.js'

/** How long other tasks go first before a suspect's turn comes. */
const SUSPECTS_WAIT_MS = 30_000

/** Tasks whose claims ended without a run too often: each may crash this process, and is claimed alone. */
export class Suspects {
  readonly #tasks = new Map<string, PendingTask>()
  /** Since when they have waited for others. */
  #othersSince = performance.now()

  get size(): number {
    return this.#tasks.size
  }

  has(id: string): boolean {
    return this.#tasks.has(id)
  }

  add(task: PendingTask): void {
    this.#tasks.set(task.id, task)
  }

  /** They wait until the others are served, but not for ever. */
  isTurn(others: PendingTask[]): boolean {
    if (this.#tasks.size === 0) {
      this.#othersSince = performance.now()
      return false
    }
    return others.length === 0 || performance.now() - this.#othersSince > SUSPECTS_WAIT_MS
  }

  /** Takes the one that has waited longest. */
  take(): PendingTask | undefined {
    this.#othersSince = performance.now()
    const [suspect] = this.#tasks.values()
    if (suspect) this.#tasks.delete(suspect.id)
    return suspect
  }
}
