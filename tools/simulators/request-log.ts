/** What a simulator was asked for and how it answered, for tests to count. Headers are not in it: they hold keys. */
import type { FaultKind } from './faults.js'

export interface LoggedRequest {
  method: string
  path: string
  /** Decoded; an API key in it is left out. A parameter that is repeated is in it as an array. */
  query: Record<string, string | string[]>
  /** What was sent as JSON. Strings of more than 100,000 characters are cut. */
  body?: unknown
  /** Unix milliseconds, of this computer's clock. */
  at: number
  /** The status of the answer; none while there is no answer, and if there never was one. */
  status?: number
  /** What went wrong with it, or will with what it created. */
  faults: FaultKind[]
  /** The id of what it created, and what a provider would charge for, whether or not the answer said so. */
  created?: string
}

/** A simulator may run for days: the oldest requests are forgotten. */
const MAX_REQUESTS = 100_000
const MAX_STRING_LENGTH = 100_000

export function logRequest(log: LoggedRequest[], method: string, url: URL, body: unknown): LoggedRequest {
  const query: LoggedRequest['query'] = {}
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name)
    if (name !== 'key') query[name] = values.length > 1 ? values : (values[0] ?? '')
  }
  const entry: LoggedRequest = {
    method,
    path: url.pathname,
    query,
    ...(body !== undefined && { body: shortened(body) }),
    at: Date.now(),
    faults: [],
  }
  log.push(entry)
  if (log.length > MAX_REQUESTS) log.shift()
  return entry
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string' && value.length > MAX_STRING_LENGTH) {
    return `${value.slice(0, MAX_STRING_LENGTH)}… (${value.length} characters)`
  }
  if (Array.isArray(value)) return value.map(shortened)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shortened(field)]))
}
