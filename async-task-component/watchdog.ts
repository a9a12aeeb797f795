/**
 * Supervises a loop: one that dies, or hangs for too long, is reported and replaced by a new one; after too many
 * replacements it is given up, so that the process can exit and its supervisor restart it.
 */
import { once } from 'node:events'
import { followingSignal, pause } from '../lib/abort.js'
import { LoopGivenUpError } from './errors.js'
import type { Logger } from './logger.js'
import type { StopSignals } from './types.js'

export interface Loop {
  start(): void
  /** Resolves once the loop and everything it began is over; its `stopping` signal ends it. */
  stopped(): Promise<void>
}

export interface WatchdogOptions<L extends Loop> extends StopSignals {
  /** The loop's name in logs. */
  name: string
  /** Makes a loop that ends when `stopping` aborts, and calls `alive` on each sign of progress. */
  create(stopping: AbortSignal, alive: () => void): L
  /** How long a loop may show no sign of progress, in milliseconds. Default: 5 minutes. */
  silenceMs?: number
  /** Replacements in a row, none of which lived for `silenceMs`, after which the loop is given up. Default: 5. */
  maxReplacements?: number
  onGivenUp(error: LoopGivenUpError): void
  logger: Logger
}

const LOOK_EVERY_MS = 100
const CLOSING_MS = 1000
const DEFAULTS = { silenceMs: 5 * 60_000, maxReplacements: 5 }

/** Why a loop ended. */
interface End {
  how: string
  cause?: unknown
}

export class Watchdog<L extends Loop> {
  readonly #options: WatchdogOptions<L> & typeof DEFAULTS
  #loop: L | null = null
  #running: Promise<void> | null = null
  #isGivenUp = false

  constructor(options: WatchdogOptions<L>) {
    this.#options = { ...DEFAULTS, ...options }
  }

  /** The current loop. */
  get loop(): L | null {
    return this.#loop
  }

  /** Whether its loop died too often, and is not replaced any more. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stopped(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { name, stopping, silenceMs, maxReplacements, onGivenUp, logger } = this.#options
    for (let replacements = 0; !stopping.aborted; ) {
      const startedAt = performance.now()
      const end = await this.#live()
      if (stopping.aborted) return
      replacements = performance.now() - startedAt > 2 * silenceMs ? 1 : replacements + 1
      if (replacements > maxReplacements) {
        this.#isGivenUp = true
        onGivenUp(new LoopGivenUpError(`Loop ${name} ${end.how} ${replacements} times in a row`, { cause: end.cause }))
        return
      }
      logger.error({ loop: name, replacements, err: end.cause }, `loop ${end.how}: replacing it`)
    }
  }

  /** One loop, from its start until it ends or has to be replaced. */
  async #live(): Promise<End> {
    const { create, stopping } = this.#options
    const { controller, release } = followingSignal(stopping)
    let lastSign = performance.now()
    const loop = create(controller.signal, () => {
      lastSign = performance.now()
    })
    this.#loop = loop
    loop.start()
    const ended = loop.stopped().then(
      () => ({ how: 'ended' }),
      (cause: unknown) => ({ how: 'died', cause }),
    )
    const watching = new AbortController()
    const silent = this.#untilSilent(() => lastSign, watching.signal)
    const late = this.#untilLate(watching.signal)
    try {
      return await Promise.race([ended, silent, late])
    } finally {
      watching.abort()
      controller.abort()
      release()
    }
  }

  async #untilSilent(lastSign: () => number, signal: AbortSignal): Promise<End> {
    const { stopping, silenceMs } = this.#options
    for (;;) {
      const leftMs = lastSign() + silenceMs - performance.now()
      if (leftMs <= 0 && !stopping.aborted) return { how: `showed no sign of life for ${silenceMs} ms` }
      await pause(Math.max(leftMs, LOOK_EVERY_MS), signal)
      if (signal.aborted) return { how: 'ended' }
    }
  }

  /** A loop that hangs must not block a stop; a healthy one has this long to close its resources. */
  async #untilLate(signal: AbortSignal): Promise<End> {
    const { controller, release } = followingSignal(this.#options.expired, signal)
    if (!controller.signal.aborted) await once(controller.signal, 'abort')
    release()
    await pause(CLOSING_MS, signal)
    return { how: 'did not end in time' }
  }
}
