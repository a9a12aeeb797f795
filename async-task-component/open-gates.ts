/** An integration's gates together: whether anything may be claimed, and whether it still may while main is asked. */
import { followingSignal, pause } from '../lib/abort.js'
import type { ClosedGate, Gate } from './gates.js'
import type { Logger } from './logger.js'

export interface OpenGatesOptions {
  /** Asked in this order. */
  gates: Gate[]
  stopping: AbortSignal
  logger: Logger
}

/** How often the gates are looked at while main holds a request. */
const GATE_LOOK_MS = 500
/** How old an answer of Temporal may be while few have been started since: asking costs more than other gates. */
const CALM_MS = 60_000
const FEW = 10

export class OpenGates {
  #closed: ClosedGate['reason'] | null = null
  /** Tasks since the answers were fresh. */
  #startedSince = 0

  constructor(private readonly options: OpenGatesOptions) {}

  /** The gate that is closed at present. */
  get closedBy(): ClosedGate['reason'] | null {
    return this.#closed
  }

  /** So many more tasks are being started. */
  started(count: number): void {
    this.#startedSince += count
  }

  async anyClosed(): Promise<boolean> {
    const isCalm = this.#startedSince < FEW
    if (!isCalm) this.#startedSince = 0
    const maxAgeMs = isCalm ? CALM_MS : undefined
    const { gates, stopping, logger } = this.options
    for (const gate of gates) {
      const closed = await gate.check(stopping, maxAgeMs)
      if (stopping.aborted) return true
      if (closed === null) continue
      if (closed.reason !== this.#closed) logger.info({ reason: closed.reason }, `not claiming: ${closed.message}`)
      this.#closed = closed.reason
      return true
    }
    if (this.#closed !== null) logger.info({ reason: this.#closed }, 'claiming again')
    this.#closed = null
    return false
  }

  /** Discards the gates' cached answers. */
  forget(): void {
    for (const gate of this.options.gates) gate.forget?.()
  }

  /**
   * Makes a request that main may hold, and ends it when a gate closes.
   *
   * @returns `closed` if that ended it
   */
  async whileOpen<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T | 'closed'> {
    const { stopping, gates } = this.options
    const { controller: request, release } = followingSignal(stopping)
    const { controller: watching, release: unlink } = followingSignal(stopping)
    let isClosed = false
    const look = async () => {
      if (watching.signal.aborted || isClosed) return
      isClosed = await this.anyClosed()
      if (isClosed) request.abort()
    }
    // A gate that is told of a change closes at once: main may claim at any moment.
    for (const gate of gates) void gate.untilChange?.(watching.signal).then(look)
    const watch = async () => {
      while (!watching.signal.aborted) {
        await pause(GATE_LOOK_MS, watching.signal)
        await look()
      }
    }
    void watch()
    try {
      return await ask(request.signal)
    } catch (error) {
      if (!isClosed || stopping.aborted) throw error
      return 'closed'
    } finally {
      watching.abort()
      release()
      unlink()
    }
  }
}
