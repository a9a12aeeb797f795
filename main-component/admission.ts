/** What main takes on: no more than it can answer before its callers lose patience. */
import type { Context } from 'hono'
import { type Leave, OverloadedError, Turns, withUrgency } from '../tasks/database/turns.js'
import type { AppEnv } from './app-env.js'

/** Of one request. */
export const MAX_BODY_BYTES = 1024 * 1024

export interface AdmissionOptions {
  /** How long after its arrival a request is begun at the latest. */
  maxWaitMs: number
  /** Bytes of all the bodies that are being read or worked on. */
  maxBodyBytes: number
}

/** Of users' requests: a hundred at once leave room, and connections, for what daemons ask meanwhile. */
const USERS_AT_ONCE = 8
/** Who sends slowly has used its time up before there was anything to wait for. */
const MIN_WAIT_MS = 1_000

export class Admission {
  readonly #options: AdmissionOptions
  readonly #users = new Turns(USERS_AT_ONCE)
  #bodyBytes = 0

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Reads a request's input and works on it, both only while there is time for it. What the daemons say is preferred
   * to what users ask for: it ends what was begun.
   *
   * @throws OverloadedError where the request cannot be begun in time; then nothing of it was stored
   */
  async admit<T, Input>(
    c: Context<AppEnv>,
    { preferred, hasBody }: { preferred: boolean; hasBody: boolean },
    read: () => Promise<Input>,
    work: (input: Input, leave: Leave) => Promise<T>,
  ): Promise<T> {
    const { maxWaitMs, maxBodyBytes } = this.#options
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

/** As announced; of a body that comes in chunks, the most that is taken. */
function bodyBytes(c: Context<AppEnv>): number {
  return Math.min(Number(c.req.header('content-length') ?? MAX_BODY_BYTES), MAX_BODY_BYTES)
}
