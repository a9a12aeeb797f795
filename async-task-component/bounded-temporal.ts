import { Client, type Connection } from '@temporalio/client'
import { unlessAborted } from '../lib/abort.js'
import { bounded } from '../lib/temporal-client.js'
import { tracedStarts } from './tracing.js'

/** gRPC's `connectivityState.READY`. */
const READY = 2
/** A watch of gRPC's cannot be taken back, so none lasts long. */
const WATCH_MS = 30_000

/** Temporal calls with a deadline and a linked abort signal, without retries. */
export class BoundedTemporal {
  readonly #client: Client
  readonly #connection: Connection
  readonly #timeoutMs: number

  /**
   * @param timeoutMs the deadline of one call
   * @param identity who starts and cancels workflows, as Temporal shows it
   */
  constructor(connection: Connection, options: { namespace?: string; identity?: string; timeoutMs: number }) {
    const { timeoutMs, ...clientOptions } = options
    this.#client = new Client({ connection, ...clientOptions, interceptors: { workflow: [tracedStarts] } })
    this.#connection = connection
    this.#timeoutMs = timeoutMs
  }

  get namespace(): string {
    return this.#client.options.namespace
  }

  /** The SDK keeps it to itself, and tells nobody that a connection is lost. */
  get #channel() {
    // biome-ignore lint/complexity/useLiteralKeys: it is protected
    return this.#connection['client'].getChannel()
  }

  /** Whether there is a connection now. One that was lost without a word still counts. */
  get isConnected(): boolean {
    return this.#channel.getConnectivityState(false) === READY
  }

  /** Resolves when a connection that is there now is lost, or when aborted. */
  async untilLost(signal: AbortSignal): Promise<void> {
    const channel = this.#channel
    while (this.isConnected && !signal.aborted) {
      const changed = new Promise<unknown>((resolve) => {
        channel.watchConnectivityState(READY, Date.now() + WATCH_MS, resolve)
      })
      await unlessAborted(changed, signal).catch(() => {})
    }
  }

  /** Asks about the cluster, for which not everybody has the right. */
  callOperator<T>(signal: AbortSignal, ask: (operator: Connection['operatorService']) => Promise<T>): Promise<T> {
    return this.call(signal, () => ask(this.#connection.operatorService))
  }

  call<T>(signal: AbortSignal, ask: (client: Client) => Promise<T>): Promise<T> {
    return bounded(this.#connection, { timeoutMs: this.#timeoutMs, signal }, () => ask(this.#client))
  }
}
