const NOT_PASSED_ON = { reached: false }

/** Lets one hint of each run through in an interval: each costs a look at the database, and a signal to Temporal. */
export class HintGate {
  readonly #passedAt = new Map<string, number>()

  /** @param now milliseconds of a clock that only goes forward. Default: the process's. */
  constructor(
    private readonly intervalMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** What `pass` comes to, unless the run's last hint is too recent. One that could not be passed on does not count. */
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
