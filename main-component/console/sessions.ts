/**
 * The console's sign-in: an operator's token buys a cookie that says who it is, signed with the token itself. So every
 * main honours it without a database, and a new token ends all of them.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { MAX_USER_ID_LENGTH } from '../../protocol/limits.js'

/** A night shift. */
const LASTS_SECONDS = 12 * 3600

const contentSchema = z.object({
  /** As the operator calls themselves; for the record of acts. */
  name: z.string().min(1).max(MAX_USER_ID_LENGTH),
  /** Unix seconds. */
  until: z.number(),
  nonce: z.string(),
})

export interface Session {
  name: string
  /** What a page of main knows, and one of another site does not: requests that change something have to bring it. */
  csrf: string
}

export class ConsoleSessions {
  readonly #key: Buffer

  /** @param token the operators', or where there is none, what opens the operators' APIs instead */
  constructor(token: string) {
    this.#key = createHmac('sha256', token).update('console').digest()
  }

  /** Makes a cookie's value. */
  open(name: string, now = Date.now() / 1000): string {
    const content = { name, until: now + LASTS_SECONDS, nonce: randomBytes(16).toString('base64url') }
    const text = Buffer.from(JSON.stringify(content)).toString('base64url')
    return `${text}.${this.#sign(`session.${text}`)}`
  }

  /** Reads a cookie; undefined if it is none of ours, or if its time is over. */
  read(cookie: string | undefined, now = Date.now() / 1000): Session | undefined {
    const [text = '', signature = ''] = cookie?.split('.') ?? []
    if (!isSame(signature, this.#sign(`session.${text}`))) return undefined
    const { name, until } = contentSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return until > now ? { name, csrf: this.#sign(`csrf.${text}`) } : undefined
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}

/** In constant time. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
