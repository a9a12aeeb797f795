/**
 * A network of pure calls: a call is sent, delivered (once, late, or twice) and answered, or its answer is
 * lost. Each of these is an action of its own, so that anything may happen in between.
 */
export interface Action {
  label: string
  fault?: boolean
  run(): void
}

interface Call {
  label: string
  sentAt: number
  execute(): unknown
  answered: boolean
  answer: unknown
  deliveries: number
  maxDeliveries: number
  /** Who waits; null once it has given up or died. */
  onAnswer: ((answer: unknown) => void) | null
  onLost: (() => void) | null
}

export class Network {
  #calls: Call[] = []

  constructor(
    private readonly now: () => number,
    /** How long a request may be on its way, in seconds: whoever serves it closes its connections by then. */
    readonly maxTransitSeconds: number,
  ) {}

  /** @param once what is not idempotent is never delivered twice: TCP sees to that, nobody sends it again */
  send<Answer>(
    label: string,
    execute: () => Answer,
    onAnswer: (answer: Answer) => void,
    onLost: () => void,
    once = false,
  ): object {
    const call: Call = {
      label,
      sentAt: this.now(),
      execute,
      answered: false,
      answer: undefined,
      deliveries: 0,
      maxDeliveries: once ? 1 : 2,
      onAnswer: onAnswer as (answer: unknown) => void,
      onLost,
    }
    this.#calls.push(call)
    return call
  }

  /** The sender died or gave up: nobody hears the answer, but the request may still arrive. */
  abandon(handle: object): void {
    const call = handle as Call
    call.onAnswer = null
    call.onLost = null
  }

  actions(): Action[] {
    this.#calls = this.#calls.filter((call) => call.onAnswer !== null || this.#canArrive(call))
    return this.#calls.flatMap((call) => {
      const actions: Action[] = []
      if (call.deliveries === 0 && this.#canArrive(call)) {
        actions.push({ label: `${call.label} arrives`, run: () => this.#deliver(call) })
      } else if (call.deliveries === 1 && this.#canArrive(call)) {
        actions.push({ label: `${call.label} arrives a second time`, fault: true, run: () => this.#deliver(call) })
      }
      if (call.onAnswer && call.answered) {
        actions.push({ label: `the answer to ${call.label} comes back`, run: () => this.#answer(call) })
      }
      if (call.onLost) {
        actions.push({ label: `the answer to ${call.label} is lost`, fault: true, run: () => this.#lose(call) })
      }
      return actions
    })
  }

  /** Without faults: everything sent arrives once and is answered; what can no longer arrive is lost. */
  calmActions(): Action[] {
    return this.#calls.flatMap((call) => {
      if (call.onAnswer && call.answered) return [{ label: `answer to ${call.label}`, run: () => this.#answer(call) }]
      if (call.deliveries === 0 && this.#canArrive(call)) return [{ label: call.label, run: () => this.#deliver(call) }]
      if (call.onLost) return [{ label: `${call.label} times out`, run: () => this.#lose(call) }]
      return []
    })
  }

  #canArrive(call: Call): boolean {
    return call.deliveries < call.maxDeliveries && this.now() - call.sentAt <= this.maxTransitSeconds
  }

  #deliver(call: Call): void {
    call.deliveries += 1
    const answer = call.execute()
    if (call.answered) return
    call.answered = true
    call.answer = answer
  }

  #answer(call: Call): void {
    const { onAnswer } = call
    this.abandon(call)
    onAnswer?.(call.answer)
  }

  #lose(call: Call): void {
    const { onLost } = call
    this.abandon(call)
    onLost?.()
  }
}
