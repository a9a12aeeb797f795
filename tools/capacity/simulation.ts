/** A discrete-event simulation: what happens, in the order of its time; and parts that serve so many at once. */
export class Simulation {
  /** Milliseconds since its beginning. */
  now = 0
  readonly #heap: Array<{ at: number; order: number; act: () => void }> = []
  #order = 0

  after(ms: number, act: () => void): void {
    this.#order += 1
    this.#push({ at: this.now + ms, order: this.#order, act })
  }

  /** Lets happen what happens until then, or until nothing more does. */
  run(untilMs: number): void {
    for (let next = this.#heap[0]; next && next.at <= untilMs; next = this.#heap[0]) {
      this.#pop()
      this.now = next.at
      next.act()
    }
  }

  #push(event: { at: number; order: number; act: () => void }): void {
    const heap = this.#heap
    let index = heap.push(event) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent])) break
      heap[index] = heap[parent] as typeof event
      index = parent
    }
    heap[index] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as typeof last, heap[child])) child += 1
      if (!isBefore(heap[child] as typeof last, last)) break
      heap[index] = heap[child] as typeof last
      index = child
    }
    heap[index] = last
  }
}

function isBefore(one: { at: number; order: number }, other: { at: number; order: number } | undefined): boolean {
  return other === undefined || one.at < other.at || (one.at === other.at && one.order < other.order)
}

/** Serves at most so many at once, in the order of their coming: a process's thread, a machine's cores. */
export class Station {
  /** Milliseconds of service given. */
  busyMs = 0
  #free: number
  readonly #waiting: Array<() => void> = []
  #served = 0

  constructor(
    private readonly simulation: Simulation,
    readonly name: string,
    readonly places: number,
    /** Whose cores it needs as well. Default: it has cores of its own. */
    private readonly machine?: Station,
  ) {
    this.#free = places
  }

  serve(ms: number, then: () => void): void {
    this.#take(() => {
      const done = () => {
        this.busyMs += ms
        this.#leave()
        then()
      }
      if (this.machine) this.machine.serve(ms, done)
      else this.simulation.after(ms, done)
    })
  }

  #take(act: () => void): void {
    if (this.#free === 0) {
      this.#waiting.push(act)
      return
    }
    this.#free -= 1
    act()
  }

  #leave(): void {
    const next = this.#waiting[this.#served]
    if (!next) {
      this.#free += 1
      return
    }
    this.#served += 1
    if (this.#served > 1000) {
      this.#waiting.splice(0, this.#served)
      this.#served = 0
    }
    next()
  }
}
