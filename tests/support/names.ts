/** A resolver of names for tests, in place of the system's. */
import type { lookup as systemLookup } from 'node:dns'

/** What each name resolves to; a text is the code of an error. Other names are not found. */
export function resolving(names: Record<string, string[] | string>): typeof systemLookup {
  const lookup = (name: string, _options: object, callback: (error: Error | null, addresses: object[]) => void) => {
    const found = names[name] ?? 'ENOTFOUND'
    if (typeof found === 'string') callback(Object.assign(new Error(`getaddrinfo ${found}`), { code: found }), [])
    else
      callback(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
  }
  return lookup as typeof systemLookup
}
