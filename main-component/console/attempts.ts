/**
 * How often somebody may try to sign in. Each client has a few failed attempts a minute; and each address that connects
 * has some more, as what it says of its clients may be made up, where it is no proxy.
 */
import ipaddr from 'ipaddr.js'

const WINDOW_MS = 60_000
const OF_CLIENT = 10
const OF_ADDRESS = 100
/** So many are remembered: an attacker may have more addresses than main has memory. */
const MOST_REMEMBERED = 10_000

interface Client {
  /** Of the connection. */
  address: string | undefined
  /** The header `X-Forwarded-For`, of which the proxy next to main has written the last entry. */
  forwardedFor: string | undefined
}

export class Attempts {
  readonly #failed = new Map<string, { count: number; since: number }>()

  /** Counts an attempt as failed, until it has succeeded. @returns false if there were too many: it is to be refused */
  begin({ address = '', forwardedFor = '' }: Client, now = performance.now()): { succeeded(): void } | false {
    const connected = network(address)
    const client = `${connected} ${network(forwardedFor.split(',').at(-1)?.trim() ?? '')}`
    const limits = [
      [client, OF_CLIENT],
      [connected, OF_ADDRESS],
    ] as const
    if (limits.some(([key, most]) => this.#count(key, now) >= most)) return false
    this.#forgetSome(now)
    for (const [key] of limits) this.#add(key, 1, now)
    return {
      succeeded: () => {
        for (const [key] of limits) this.#add(key, -1, now)
      },
    }
  }

  #count(key: string, now: number): number {
    const found = this.#failed.get(key)
    return found && now - found.since < WINDOW_MS ? found.count : 0
  }

  #add(key: string, count: number, now: number): void {
    const before = this.#count(key, now)
    const since = before > 0 ? (this.#failed.get(key)?.since ?? now) : now
    if (before + count <= 0) this.#failed.delete(key)
    else this.#failed.set(key, { count: before + count, since })
  }

  #forgetSome(now: number): void {
    if (this.#failed.size < MOST_REMEMBERED) return
    for (const key of this.#failed.keys()) if (this.#count(key, now) === 0) this.#failed.delete(key)
    if (this.#failed.size >= MOST_REMEMBERED) this.#failed.clear()
  }
}

/** What one person may have many of counts as one: of IPv6 a /64. */
function network(address: string): string {
  if (!ipaddr.isValid(address)) return address.slice(0, 100)
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
