/** HTTP to a provider that has no client library: answers as values, what went wrong on the way as ProviderErrors. */
import type { z } from 'zod'
import type { FailureKind } from '../../protocol/failure-details.js'
import type { ProviderEndpoint } from './config.js'
import { innermostWords, neverSent, ProviderError } from './errors.js'
import { providerFetch } from './fetch.js'
import { keyRedactor } from './key-redactor.js'

const EXCERPT_LENGTH = 500
/** Of an image nobody wants to read, and what is looked through takes time. */
const LONGEST_EXCERPTED = 20_000

export interface ProviderAnswer {
  ok: boolean
  status: number
  retryAfter: string | null
  text: string
  /** The beginning of the text, fit for an error message: without the key, and without what signs a URL. */
  excerpt: string
}

/**
 * Sends one request. Without an answer, a POST is `ambiguous` unless it was never sent; the rest is `unavailable`.
 * A redirection is an answer too: the key goes to the configured address only.
 *
 * @param authentication the headers that carry the key. Default: as a bearer token
 */
export async function requestProvider(
  endpoint: ProviderEndpoint,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  signal: AbortSignal,
  body?: unknown,
  authentication: Record<string, string> = { authorization: `Bearer ${endpoint.apiKey}` },
): Promise<ProviderAnswer> {
  try {
    const response = await providerFetch(endpoint.baseUrl.replace(/\/$/, '') + path, {
      method,
      headers: { ...authentication, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal,
    })
    const { ok, status, headers } = response
    const text = await response.text()
    return { ok, status, retryAfter: headers.get('retry-after'), text, excerpt: excerptOf(text, endpoint) }
  } catch (cause) {
    const message = `${method} ${path} got no answer: ${innermostWords(cause)}`
    const kind = method === 'POST' && !neverSent(cause) ? 'ambiguous' : 'unavailable'
    throw new ProviderError(message, { code: 'NoAnswer', kind, cause })
  }
}

/** Reads a body; one that does not fit is an error of the given kind, which names what does not fit. */
export function readAnswer<Schema extends z.ZodType>(
  schema: Schema,
  answer: ProviderAnswer,
  kind: FailureKind,
): z.output<Schema> {
  const fail = (what: string): ProviderError =>
    new ProviderError(`Cannot read the answer: ${what}`, { code: 'UnreadableAnswer', kind })
  let json: unknown
  try {
    json = JSON.parse(answer.text)
  } catch {
    throw fail(answer.excerpt || 'it is empty')
  }
  const body = schema.safeParse(json)
  if (body.success) return body.data
  const [issue] = body.error.issues
  throw fail(`${issue?.path.join('.') || 'its body'}: ${issue?.message}`)
}

/** Undefined where the text is no JSON, or does not fit. */
export function parseJson<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Cut last: half a key is not found any more. */
function excerptOf(text: string, endpoint: ProviderEndpoint): string {
  return keyRedactor(endpoint)(text.slice(0, LONGEST_EXCERPTED))
    .replace(/(https?:\/\/[^\s"'?]+)\?[^\s"']*/g, '$1?…')
    .slice(0, EXCERPT_LENGTH)
}
