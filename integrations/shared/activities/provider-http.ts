/** HTTP to a provider that has no client library: answers as values, what went wrong on the way as ProviderErrors. */
import type { z } from 'zod'
import type { FailureKind } from '../failure.js'
import type { ProviderEndpoint } from '../provider-config.js'
import { neverSent, ProviderError } from './provider-error.js'

export interface ProviderAnswer {
  ok: boolean
  status: number
  retryAfter: string | null
  text: string
}

/** Sends one request. Without an answer, a POST is `ambiguous` unless it was never sent; the rest is `unavailable`. */
export async function requestProvider(
  endpoint: ProviderEndpoint,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  signal: AbortSignal,
  body?: unknown,
): Promise<ProviderAnswer> {
  try {
    const response = await fetch(endpoint.baseUrl.replace(/\/$/, '') + path, {
      method,
      headers: { authorization: `Bearer ${endpoint.apiKey}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal,
    })
    const { ok, status, headers } = response
    return { ok, status, retryAfter: headers.get('retry-after'), text: await response.text() }
  } catch (cause) {
    const message = `${method} ${path} got no answer: ${cause instanceof Error ? cause.message : cause}`
    const kind = method === 'POST' && !neverSent(cause) ? 'ambiguous' : 'unavailable'
    throw new ProviderError(message, { code: 'NoAnswer', kind, cause })
  }
}

/** Reads a body; one that does not fit is an error of the given kind. */
export function readAnswer<Schema extends z.ZodType>(
  schema: Schema,
  answer: ProviderAnswer,
  kind: FailureKind,
): z.output<Schema> {
  const body = parseJson(schema, answer.text)
  if (body === undefined) {
    throw new ProviderError(`Cannot read the answer: ${answer.text.slice(0, 500)}`, { code: 'UnreadableAnswer', kind })
  }
  return body
}

/** Undefined where the text is no JSON, or does not fit. */
export function parseJson<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
