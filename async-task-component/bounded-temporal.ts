import { Client, type Connection } from '@temporalio/client'
import { bounded } from '../lib/temporal-client.js'

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
