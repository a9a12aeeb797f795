/** HTTP requests to a provider, with the key, the time-out and the error table applied. */
import type { z } from 'zod'
import { withTimeout } from '../../lib/abort.js'
import { jsonOf } from '../../lib/json.js'
import { observation } from '../../lib/observation.js'
import { describeSpan, SpanKind, spannedWithin } from '../../lib/tracing.js'
import type { FailureKind } from '../../protocol/failure-details.js'
import type { ProviderEndpoint } from './config.js'
import { answeredError, type ErrorTable, type ProviderAnswer, type Purpose, type ReadError } from './error-table.js'
import { innermostWords, neverSent, ProviderError } from './errors.js'
import { providerFetch } from './fetch.js'
import { keyRedactor } from './key-redactor.js'

const EXCERPT_LENGTH = 500
/** Longer texts, such as an image in base64, are no use in a message, and take time to search. */
const LONGEST_EXCERPTED = 20_000

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The expected answer: JSON that matches a schema, bytes, or nothing. */
type Expected = z.ZodType | 'bytes' | undefined
type Answer<E> = E extends z.ZodType ? z.output<E> : E extends 'bytes' ? Uint8Array : undefined

/**
 * An integration's requests to its provider. Paths are below `baseUrl`. An error status, an answer that does not match,
 * or none within `requestTimeoutMs` is thrown as a `ProviderError`, classified by the integration's table.
 */
export interface ProviderHttp {
  get<E extends Expected = undefined>(path: string, expected?: E): Promise<Answer<E>>
  post<E extends Expected = undefined>(path: string, body: unknown, expected?: E): Promise<Answer<E>>
  delete<E extends Expected = undefined>(path: string, expected?: E): Promise<Answer<E>>
  /** For methods that the others do not cover. */
  send<E extends Expected = undefined>(
    request: ProviderRequest,
    expected?: E,
  ): Promise<{ body: Answer<E>; headers: Headers }>
}

export interface ProviderRequest {
  method: Method
  path: string
  /** Sent as JSON. */
  body?: unknown
  /** In addition to those that carry the key. */
  headers?: Record<string, string>
  /** Whether it costs nothing, like an upload, so that a failure leaves nothing to pay for. Default: only for a GET. */
  free?: boolean
}

export interface HttpOptions {
  /** Whose requests they are, for those who count them. */
  integration: string
  endpoint: ProviderEndpoint
  purpose: Purpose
  signal: AbortSignal
  errors?: ErrorTable | undefined
  readError?: ReadError | undefined
  /** The headers that carry the key. Default: a bearer token. */
  authenticate?: ((apiKey: string) => Record<string, string>) | undefined
}

/** A request, and what came of it. */
export const providerAsked = observation<{
  integration: string
  purpose: Purpose
  outcome: FailureKind | 'ok' | 'throttled'
  seconds: number
}>('provider-asked')

export interface WatchedHttp extends ProviderHttp {
  /** Whether a request that may cost money may have been accepted. */
  readonly hasSpent: boolean
}

const asBearer = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` })

export function createHttp(options: HttpOptions): WatchedHttp {
  const { integration, endpoint, purpose, signal, errors = [], readError, authenticate = asBearer } = options
  let hasSpent = false
  // After an accepted request, the others only ask about its progress.
  const meantBy = (maySpend: boolean): Purpose =>
    maySpend ? 'create' : purpose === 'read' || hasSpent ? 'read' : 'prepare'
  const send: ProviderHttp['send'] = (request, expected) => {
    const maySpend = purpose === 'create' && !(request.free ?? request.method === 'GET')
    const meant = meantBy(maySpend)
    const details = { kind: SpanKind.CLIENT, attributes: { 'http.request.method': request.method } }
    return spannedWithin(`${meant} ${integration}`, details, () => sendNow(request, expected, maySpend, meant))
  }
  const sendNow = async (
    { free: _free, headers, ...request }: ProviderRequest,
    expected: Expected,
    maySpend: boolean,
    meant: Purpose,
  ) => {
    const askedAt = performance.now()
    let status: number | undefined
    const tell = (kind: FailureKind | 'ok') => {
      const outcome = status === 429 ? 'throttled' : kind
      providerAsked.tell({ integration, purpose: meant, outcome, seconds: (performance.now() - askedAt) / 1000 })
    }
    try {
      const answer = await withTimeout(endpoint.requestTimeoutMs, [signal], (soon) =>
        exchange(endpoint, { ...request, headers: { ...authenticate(endpoint.apiKey), ...headers } }, maySpend, soon),
      )
      status = answer.status
      describeSpan({ 'http.response.status_code': status })
      if (!answer.ok) throw answeredError(answer, errors, meantBy(maySpend), readError)
      hasSpent ||= maySpend
      const body = read(expected, answer, maySpend ? 'ambiguous' : 'unavailable') as never
      tell('ok')
      return { body, headers: answer.headers }
    } catch (error) {
      const kind = error instanceof ProviderError ? error.kind : 'unavailable'
      hasSpent ||= error instanceof ProviderError && kind === 'ambiguous'
      tell(kind)
      throw error
    }
  }
  const bodyOf = async <T>(sent: Promise<{ body: T }>) => (await sent).body
  return {
    get: (path, expected) => bodyOf(send({ method: 'GET', path }, expected)),
    post: (path, body, expected) => bodyOf(send({ method: 'POST', path, body }, expected)),
    delete: (path, expected) => bodyOf(send({ method: 'DELETE', path }, expected)),
    send,
    get hasSpent() {
      return hasSpent
    },
  }
}

/**
 * Sends one request. If no answer comes, a request that may cost money is `ambiguous`, unless it was never sent; any
 * other is `unavailable`. A redirect is an answer: the key is sent to the configured address only.
 */
async function exchange(
  endpoint: ProviderEndpoint,
  { method, path, body, headers }: ProviderRequest,
  maySpend: boolean,
  signal: AbortSignal,
): Promise<ReadAnswer> {
  try {
    const response = await providerFetch(endpoint.baseUrl.replace(/\/$/, '') + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal,
    })
    const { ok, status } = response
    const bytes = new Uint8Array(await response.arrayBuffer())
    const text = new TextDecoder().decode(bytes)
    return { ok, status, headers: response.headers, bytes, text, excerpt: excerptOf(text, endpoint) }
  } catch (cause) {
    const message = `${method} ${path} got no answer: ${innermostWords(cause)}`
    const kind = maySpend && !neverSent(cause) ? 'ambiguous' : 'unavailable'
    throw new ProviderError(message, { code: 'NoAnswer', kind, cause })
  }
}

type ReadAnswer = ProviderAnswer & { bytes: Uint8Array }

/** Reads a body. If it does not match, it throws an error of the given kind that names the mismatch. */
function read(expected: Expected, answer: ReadAnswer, kind: FailureKind): unknown {
  if (expected === undefined) return undefined
  if (expected === 'bytes') return answer.bytes
  const fail = (what: string): ProviderError =>
    new ProviderError(`Cannot read the answer: ${what}`, { code: 'UnreadableAnswer', kind })
  const json = jsonOf(answer.text)
  if (json === undefined) throw fail(answer.excerpt || 'it is empty')
  const body = expected.safeParse(json)
  if (body.success) return body.data
  const [issue] = body.error.issues
  throw fail(`${issue?.path.join('.') || 'its body'}: ${issue?.message}`)
}

/** Truncates last: half of a key would not be recognised. */
function excerptOf(text: string, endpoint: ProviderEndpoint): string {
  return keyRedactor(endpoint)(text.slice(0, LONGEST_EXCERPTED))
    .replace(/(https?:\/\/[^\s"'?]+)\?[^\s"']*/g, '$1?…')
    .slice(0, EXCERPT_LENGTH)
}
