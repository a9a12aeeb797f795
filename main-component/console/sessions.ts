/**
 * The console's sessions: whoever signs in gets a cookie that says who they are, signed with a key that the operators'
 * token gives. So every main honours it without a database, and a new token ends all of them.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { isSame } from '../../lib/bearer-token.js'

/** A night shift. */
const LASTS_SECONDS = 12 * 3600

const contentSchema = z.object({
  /** As the page shows it. */
  name: z.string(),
  /** As acts are recorded: a user's id, or for the operators' token `operator` and the name that was given. */
  who: z.string(),
  /** Unix seconds. */
  until: z.number(),
  nonce: z.string(),
})

export type SignedIn = Pick<z.infer<typeof contentSchema>, 'name' | 'who'>

/** As the page knows it. */
export interface Session {
  name: string
  /** Unix seconds; null if the application has signed them in, and signs them out. */
  until: number | null
  /** What a page of main knows, and one of another site does not: requests that change something have to bring it. */
  csrf: string
}

export interface ConsoleSession extends Session, SignedIn {
  until: number
}

export class ConsoleSessions {
  readonly #key: Buffer

  /** @param token the operators', or where there is none, what opens the operators' APIs instead */
  constructor(token: string) {
    this.#key = createHmac('sha256', token).update('console').digest()
  }

  /**
   * Makes a cookie's value.
   *
   * @param endsBy when the credentials that were shown end
   */
  open(
    { name, who }: SignedIn,
    endsBy = Number.POSITIVE_INFINITY,
    now = Date.now() / 1000,
  ): { cookie: string; session: ConsoleSession } {
    const until = Math.min(now + LASTS_SECONDS, endsBy)
    const content = { name, who, until, nonce: randomBytes(16).toString('base64url') }
    const text = Buffer.from(JSON.stringify(content)).toString('base64url')
    return { cookie: `${text}.${this.#sign('session', text)}`, session: { name, who, until, csrf: this.#csrf(text) } }
  }

  /** Reads a cookie; undefined if it is none of ours, or if its time is over. */
  read(cookie: string | undefined, now = Date.now() / 1000): ConsoleSession | undefined {
    const [text = '', signature = ''] = cookie?.split('.') ?? []
    if (!isSame(signature, this.#sign('session', text))) return undefined
    const { name, who, until } = contentSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return until > now ? { name, who, until, csrf: this.#csrf(text) } : undefined
  }

  #csrf(text: string): string {
    return this.#sign('csrf', text)
  }

  #sign(what: 'session' | 'csrf', text: string): string {
    return createHmac('sha256', this.#key).update(`${what}.${text}`).digest('base64url')
  }
}
