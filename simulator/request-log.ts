/** A simulator's requests and answers, for tests to count. Headers are not logged, because they contain keys. */
import type { FaultKind } from './faults.js'

export interface LoggedRequest {
  method: string
  path: string
  /** Decoded, without an API key. A repeated parameter is an array. */
  query: Record<string, string | string[]>
  /** The JSON body. Strings are truncated to 100,000 characters. */
  body?: unknown
  /** Unix milliseconds, of this computer's clock. */
  at: number
  /** The status of the answer; missing as long as there is none. */
  status?: number
  /** The faults of this request, or of the task that it created. */
  faults: FaultKind[]
  /** The id of the created task, which a provider would charge for, even if the answer was lost. */
  created?: string
}

/** A simulator may run for days: the oldest requests are removed. */
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
