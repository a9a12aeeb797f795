/**
 * Connections to PostgreSQL on which a transaction waits less often: its BEGIN goes with its first statement, and its
 * COMMIT with a last write that nobody waits for, in one packet each. pg's pipeline mode sends a statement before the one
 * before is answered.
 */
import type { Writable } from 'node:stream'
import pg from 'pg'
import { ConnectionLostError, isConnectionLost } from '../tasks/database/faults.js'

/** Marks an error that means a lost connection. */
export class Pool extends pg.Pool {
  override connect(...args: unknown[]): never {
    return orLost(super.connect, this, args)
  }

  override query(...args: unknown[]): never {
    return orLost(super.query, this, args)
  }
}

/** Each of them takes the server some 50 kB for each connection. */
const MOST_PREPARED = 200

/** Statements that may be sent before it is known that their transaction has begun: without it they store nothing. */
const READS = /^\s*(SELECT|WITH locked)\b/

/** What a failed transaction answers to all but its end. */
const TRANSACTION_FAILED = '25P02'

/** A connection that, once lost, only fails its own queries. It has each statement with parameters parsed once. */
export class Connection extends pg.Client {
  readonly #names = new Map<string, string>()
  /** A BEGIN that is not sent yet. */
  #begin: unknown[] | undefined
  /** A BEGIN that is not answered yet, and whether a write waits for that: then so does what follows it. */
  #begun: Promise<unknown> | undefined
  #isHeld = false
  /** What made the transaction fail, if it has. */
  #failure: unknown

  constructor(config?: string | pg.ClientConfig) {
    super(config)
    // A connection that is lost while its transaction pauses emits only this event, which would end the process.
    this.on('error', () => {})
  }

  override query(...args: unknown[]): never {
    return this.#query(args) as never
  }

  #query(args: unknown[]): unknown {
    const text = String(args[0])
    if (text.startsWith('BEGIN')) {
      this.#begin = args
      this.#failure = undefined
      return Promise.resolve()
    }
    const begin = this.#begin
    this.#begin = undefined
    if (!begin) return this.#sendOnceBegun(text, args)
    if (text === 'COMMIT' || text === 'ROLLBACK') return Promise.resolve()
    const begun = this.#send(begin) as Promise<unknown>
    const answered = () => {
      this.#begun = undefined
      this.#isHeld = false
    }
    this.#begun = begun
    begun.then(answered, answered)
    return Promise.all([begun, this.#sendOnceBegun(text, args)]).then(([, answer]) => answer)
  }

  #sendOnceBegun(text: string, args: unknown[]): unknown {
    if (this.#begun) {
      this.#isHeld ||= !READS.test(text)
      if (this.#isHeld) return this.#begun.then(() => this.#sendOnceBegun(text, args))
    }
    return text === 'COMMIT' ? this.#commit(args) : this.#send(args)
  }

  /** PostgreSQL answers the COMMIT of a failed transaction as if nothing were wrong; nobody may have waited for the failure. */
  async #commit(args: unknown[]): Promise<unknown> {
    const answer = (await this.#send(args)) as pg.QueryResult
    if (answer.command === 'ROLLBACK') throw this.#failure ?? new Error('The transaction was rolled back')
    return answer
  }

  /** What is sent before the next turn of the event loop goes in one packet. */
  #send(args: unknown[]): unknown {
    const { stream } = (this as unknown as { connection: { stream: Writable } }).connection
    stream.cork()
    process.nextTick(() => stream.uncork())
    const answer: unknown = orLost(super.query, this, this.#prepared(args), () => void this.end())
    return answer instanceof Promise ? answer.catch((error) => this.#failed(error)) : answer
  }

  #failed(error: unknown): never {
    const isConsequence = (error as { code?: unknown }).code === TRANSACTION_FAILED && this.#failure !== undefined
    if (isConsequence) throw this.#failure
    this.#failure = error
    throw error
  }

  #prepared(args: unknown[]): unknown[] {
    const [text, values, ...others] = args
    if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0) return args
    const name = this.#names.get(text) ?? `s${this.#names.size}`
    if (!this.#names.has(text) && this.#names.size === MOST_PREPARED) return args
    this.#names.set(text, name)
    return [{ name, text, values }, ...others]
  }
}

/**
 * Calls one of pg's overloaded functions: `never` fits them all. pg's own errors have neither the server's SQLSTATE nor
 * the network's code: no answer in time, no connection, or one that has ended.
 */
function orLost(call: unknown, self: unknown, args: unknown[], onLost = () => {}): never {
  const answer: unknown = Reflect.apply(call as (...args: unknown[]) => unknown, self, args)
  if (!(answer instanceof Promise)) return answer as never
  return answer.catch((thrown: unknown) => {
    const isPlain = thrown instanceof Error && thrown.constructor === Error && !('code' in thrown)
    const error = isPlain ? new ConnectionLostError(thrown) : thrown
    if (isConnectionLost(error)) onLost()
    throw error
  }) as never
}
