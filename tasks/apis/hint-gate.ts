const NOT_PASSED_ON = { reached: false }

/** Passes on one hint per run and interval: each costs a look at the database, and a signal to Temporal. */
export class HintGate {
  readonly #passedAt = new Map<string, number>()

  /** @param now milliseconds of a monotonic clock. Default: the process's. */
  constructor(
    private readonly intervalMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Calls `pass` unless the run's last hint is too recent. A hint that could not be passed on does not count. */
  async once(run: string, pass: () => Promise<{ reached: boolean }>): Promise<{ reached: boolean }> {
    const now = this.now()
    // Oldest first.
    for (const [passed, at] of this.#passedAt) {
      if (now - at < this.intervalMs) break
      this.#passedAt.delete(passed)
    }
    if (this.#passedAt.has(run)) return NOT_PASSED_ON
    this.#passedAt.set(run, now)
    try {
      return await pass()
    } catch (error) {
      this.#passedAt.delete(run)
      throw error
    }
  }
}
