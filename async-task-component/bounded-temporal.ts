import { Client, type Connection } from '@temporalio/client'
import { bounded } from '../lib/temporal-client.js'

/** Temporal as the loops ask it: each call is tried once, and ends in time or when its signal is aborted. */
export class BoundedTemporal {
  readonly #client: Client
  readonly #connection: Connection
  readonly #timeoutMs: number

  /**
   * @param timeoutMs how long one call may take
   * @param identity who starts and cancels workflows, as Temporal shows it
   */
  constructor(connection: Connection, options: { namespace?: string; identity?: string; timeoutMs: number }) {
    const { timeoutMs, ...clientOptions } = options
    this.#client = new Client({ connection, ...clientOptions })
    this.#connection = connection
    this.#timeoutMs = timeoutMs
  }

  get namespace(): string {
    return this.#client.options.namespace
  }

  call<T>(signal: AbortSignal, ask: (client: Client) => Promise<T>): Promise<T> {
    return bounded(this.#connection, { timeoutMs: this.#timeoutMs, signal }, () => ask(this.#client))
  }
}
