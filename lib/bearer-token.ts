/** Bearer tokens of requests, compared in constant time. */
import { hash, timingSafeEqual } from 'node:crypto'

/** Tells whether an `Authorization` header carries one of the tokens. */
export function createTokenCheck(tokens: readonly string[]): (authorization: string | undefined) => boolean {
  const find = createTokenLookup(tokens.map((token) => [token, true] as const))
  return (authorization) => find(bearerToken(authorization)) ?? false
}

/** Finds a token's owner. */
export function createTokenLookup<Owner>(
  tokens: ReadonlyArray<readonly [string, Owner]>,
): (token: string) => Owner | undefined {
  const digests = tokens.map(([token, owner]) => [digest(token), owner] as const)
  return (token) => {
    const given = digest(token)
    return digests.reduce<Owner | undefined>(
      (found, [expected, owner]) => (timingSafeEqual(given, expected) ? owner : found),
      undefined,
    )
  }
}

/** Whether two texts are the same, in constant time for one length. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The token of an `Authorization` header; empty if it has none. */
export function bearerToken(authorization: string | undefined): string {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
}

/** timingSafeEqual needs equal lengths, and hashing hides a token's own length. */
function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}
