/** The connection to main: retries requests if no answer comes, or an answer that asks to retry. */
import { RefusedError, TaskClientError } from './errors.js'

export interface ConnectionOptions {
  /** Where main is, such as `https://app.example.org`. */
  baseUrl: string
  /** The user's token, or a function that returns a valid one. Without it the browser's cookies are sent. */
  token?: string | (() => string | Promise<string>)
  /** How long a request is retried, in milliseconds. Default: 60,000. */
  retryForMs?: number
  /** Default: the platform's own. */
  fetch?: typeof fetch
}

export interface AskOptions {
  body?: unknown
  idempotencyKey?: string
  signal?: AbortSignal | undefined
  /** Long poll: how long main may park the request, in seconds, in addition to the time-out. */
  waitSeconds?: number
  /** Default: the connection's. */
  retryForMs?: number
}

const REQUEST_TIMEOUT_MS = 15_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
const RETRY_FOR_MS = 60_000

export class Connection {
  constructor(private readonly options: ConnectionOptions) {}

  /**
   * Sends one request, and retries until main has answered it.
   * @throws RefusedError; TaskClientError `UNREACHABLE` if no answer came in time; the signal's reason
   */
  async ask(method: 'GET' | 'POST', path: string, ask: AskOptions = {}): Promise<Record<string, unknown>> {
    const giveUpAt = Date.now() + (ask.retryForMs ?? this.options.retryForMs ?? RETRY_FOR_MS)
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await this.#once(method, path, ask)
      } catch (error) {
        ask.signal?.throwIfAborted()
        if (!(error instanceof TaskClientError) || !error.retryable) throw error
        const wanted = error instanceof RefusedError ? error.retryAfterMs : undefined
        // Jitter: clients that failed together do not retry together.
        const ms = wanted ?? pauseMs * (0.5 + Math.random() / 2)
        if (Date.now() + ms > giveUpAt) throw error
        await pause(ms, ask.signal)
      }
    }
  }

  async #once(method: string, path: string, { body, idempotencyKey, signal, waitSeconds = 0 }: AskOptions) {
    const { baseUrl, token, fetch: send = fetch } = this.options
    const headers: Record<string, string> = { accept: 'application/json' }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (idempotencyKey !== undefined) headers['idempotency-key'] = `"${idempotencyKey}"`
    const bearer = typeof token === 'function' ? await token() : token
    if (bearer !== undefined) headers.authorization = `Bearer ${bearer}`
    const url = `${baseUrl.replace(/\/+$/, '')}/${path}`
    const ending = withTimeout(REQUEST_TIMEOUT_MS + 1000 * waitSeconds, signal)
    try {
      const init = { method, headers, signal: ending.signal, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const response = await send(url, init)
      const text = await response.text()
      if (response.ok) return asObject(text)
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      const said = asObject(text)
      const message = `${method} ${url} was answered ${response.status}: ${said.error ?? text.slice(0, 200)}`
      throw new RefusedError(message, response.status, said, Number.isFinite(seconds) ? 1000 * seconds : undefined)
    } catch (error) {
      if (error instanceof TaskClientError) throw error
      const message = `${method} ${url} got no answer`
      throw new TaskClientError('UNREACHABLE', message, true, { cause: error })
    } finally {
      ending.release()
    }
  }
}

function asObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function withTimeout(ms: number, signal: AbortSignal | undefined): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => controller.abort(new DOMException(`No end within ${ms} ms`, 'TimeoutError')), ms)
  const release = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
  return { signal: controller.signal, release }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
