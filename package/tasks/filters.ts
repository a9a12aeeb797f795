/** Which tasks are meant, as the operators' APIs take it. */
import { UsageError } from './usage.js'

const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

export type Filter = Record<string, string | number>

interface Given {
  integration?: string
  status?: string
  user?: string
  code?: string
  id?: string
  since?: string
  until?: string
}

/** @throws UsageError if a time cannot be read */
export function filterOf({ integration, status, user, code, id, since, until }: Given, now = Date.now()): Filter {
  const given = Object.entries({
    ...{ integration, status, user, code, id },
    createdFrom: since && unixSeconds('since', since, now),
    createdBefore: until && unixSeconds('until', until, now),
  })
  return Object.fromEntries(given.filter((entry): entry is [string, string | number] => entry[1] !== undefined))
}

/** A time, or how long ago it was. */
function unixSeconds(name: string, given: string, now: number): number {
  const [, amount, unit = ''] = given.match(/^(\d+)([smhd])$/) ?? []
  const ms = amount === undefined ? Date.parse(given) : now - 1000 * Number(amount) * (UNIT_SECONDS[unit] ?? 1)
  // Main takes plain decimals.
  if (ms >= 0) return Math.floor(ms / 1000)
  throw new UsageError(`--${name} has to be a time, such as 2026-11-28T06:00Z, or an age, such as 30m, not "${given}"`)
}

/** For people. */
export function spellFilter(filter: Filter): string {
  return Object.entries(filter)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? new Date(1000 * value).toISOString() : value}`)
    .join(', ')
}
