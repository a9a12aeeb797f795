/** Admission control: main accepts only as many requests as it can answer before their callers give up. */
import type { Context } from 'hono'
import { MAX_BODY_BYTES } from '../protocol/limits.js'
import { type Leave, OverloadedError, Turns, withUrgency } from '../tasks/database/turns.js'
import type { AppEnv } from './app-env.js'

export interface AdmissionOptions {
  /** How long a request may wait before it is begun. */
  maxWaitMs: number
  /** Total bytes of the bodies that are being read or processed. */
  maxBodyBytes: number
}

/** For users' requests: a hundred at once leave capacity, and connections, for the daemons. */
const USERS_AT_ONCE = 8
/** A slow sender has used up its time before it could wait for a turn. */
const MIN_WAIT_MS = 1_000

export class Admission {
  readonly #users = new Turns(USERS_AT_ONCE)
  #bodyBytes = 0

  constructor(private readonly options: AdmissionOptions) {}

  /**
   * Reads a request's input and processes it, both before its deadline. The daemons' requests are preferred to those of
   * users: they finish what was begun.
   *
   * @throws OverloadedError if the request cannot be begun in time; then nothing of it was stored
   */
  async admit<T, Input>(
    c: Context<AppEnv>,
    { preferred, hasBody }: { preferred: boolean; hasBody: boolean },
    read: () => Promise<Input>,
    work: (input: Input, leave: Leave) => Promise<T>,
  ): Promise<T> {
    const { maxWaitMs, maxBodyBytes } = this.options
    const bytes = hasBody ? bodyBytes(c) : 0
    if (!preferred && this.#bodyBytes + bytes > maxBodyBytes) throw new OverloadedError()
    this.#bodyBytes += bytes
    try {
      const input = await read()
      const beginBy = Math.max(c.get('arrivedAt') + maxWaitMs, performance.now() + MIN_WAIT_MS)
      const begin = (leave: Leave) => work(input, leave)
      return await withUrgency({ beginBy, maxWaitMs, preferred }, () =>
        preferred ? begin((wait) => wait()) : this.#users.take(begin),
      )
    } finally {
      this.#bodyBytes -= bytes
    }
  }
}

/** The announced size; for a chunked body, the largest that is accepted. */
function bodyBytes(c: Context<AppEnv>): number {
  return Math.min(Number(c.req.header('content-length') ?? MAX_BODY_BYTES), MAX_BODY_BYTES)
}
