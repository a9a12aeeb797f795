/** An answer that repeats its request's key, as providers and proxies do. */
import type { SimulatorContext } from './http.js'

/** The fields that a caller depends on: with the key in them, it could not find its task any more. */
const GONE_BY = new Set([
  'id',
  'safety_identifier',
  'finish_reason',
  'finishReason',
  'blockReason',
  'retryDelay',
  'status',
  'state',
])

/** A request's key; undefined if it has none. */
export function keyOf({ req }: SimulatorContext): string | undefined {
  const bearer = /^Bearer (\S+)$/.exec(req.header('authorization') ?? '')?.[1]
  const named = Object.entries(req.header()).find(([name]) => /key|token|secret/i.test(name))?.[1]
  return bearer ?? named ?? req.query('key')
}

/**
 * Adds the key to each text of the answer, in every form, and in extra headers. Bytes stay unchanged.
 *
 * @param everywhere also in the fields that a caller depends on: ids, statuses, reasons, links, Retry-After
 */
export async function repeatingKey(response: Response, key: string, everywhere: boolean): Promise<Response> {
  const said = formsOf(key).join(' ')
  const headers = new Headers(response.headers)
  headers.set('x-request-id', `${key} ${Buffer.from(key).toString('base64')}`)
  if (everywhere) {
    headers.set('retry-after', key)
    headers.set('x-litellm-response-cost', key)
  }
  const text = await response.text()
  return new Response(repeatedInText(text, said, key, everywhere), { status: response.status, headers })
}

function repeatedInText(text: string, said: string, key: string, everywhere: boolean): string {
  try {
    const body = repeated(JSON.parse(text), '', said, key, everywhere) as object
    return JSON.stringify({ ...body, echo: said })
  } catch {
    // Another fault has malformed it.
    return `${said} ${text}`
  }
}

function formsOf(key: string): string[] {
  const encode = (text: string, encoding: BufferEncoding) => Buffer.from(text).toString(encoding)
  return [
    `Bearer ${key}`,
    key.toUpperCase(),
    encodeURIComponent(key),
    JSON.stringify({ key }),
    encode(key, 'base64'),
    encode(`Bearer ${key}`, 'base64'),
    encode(`user:${key}`, 'base64url'),
    encode(key, 'hex'),
  ]
}

function repeated(value: unknown, name: string, said: string, key: string, everywhere: boolean): unknown {
  const into = (inner: unknown, of: string) => repeated(inner, of, said, key, everywhere)
  if (Array.isArray(value)) return value.map((item) => into(item, name))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([of, inner]) => [of, into(inner, of)]))
  }
  if (typeof value !== 'string' || name === 'data' || /data:\w+\/\w+;base64,/.test(value)) return value
  if (/^https?:/.test(value)) {
    return everywhere ? `${value}${value.includes('?') ? '&' : '?'}key=${encodeURIComponent(key)}` : value
  }
  return !everywhere && GONE_BY.has(name) ? value : `${value} ${said}`
}
