/** The internal APIs' one credential: a token that main and the async-task component share. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Tells whether an `Authorization` header carries one of the tokens, taking as long whatever it carries. */
export function createTokenCheck(tokens: readonly string[]): (authorization: string | undefined) => boolean {
  const digests = tokens.map(digest)
  return (authorization) => {
    const given = digest(/^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '')
    return digests.reduce((known, expected) => timingSafeEqual(given, expected) || known, false)
  }
}

/** Equal lengths are what timingSafeEqual needs, and what keeps a token's own length to itself. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
