/** Serves the integrations' APIs at `/api/<namespace>/<name>`: token, input, callback, answer. */
import type { Context, Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Controller } from 'interaqt'
import { followingSignal } from '../lib/abort.js'
import type { API, APIContext, StreamedEvent } from '../lib/api.js'
import { DAEMON_HEADER, readDaemon } from '../protocol/daemon-identity.js'
import { buildAPIPath } from '../protocol/names.js'
import { IDEMPOTENCY_KEY, MAX_IDEMPOTENCY_KEY_LENGTH, parseIdempotencyKey } from '../tasks/idempotency.js'
import type { Admission } from './admission.js'
import type { AppEnv } from './app-env.js'
import type { Authentication, Caller, Operator } from './authentication.js'
import type { ConsoleSessions } from './console/sessions.js'
import { InvalidCredentialsError } from './errors.js'
import { invalidFields, invalidInput } from './invalid-input.js'
import { identifyOperator } from './operators.js'
import { traceRequests } from './trace-requests.js'
import { replaceUnstorable, unstorable } from './unstorable.js'

export interface APIRoutesOptions {
  controller: Controller
  authentication: Authentication
  /** The console's. */
  sessions: ConsoleSessions
  admission: Admission
  /** Aborted when main stops, so that parked requests answer. */
  stopping: AbortSignal
}

const NO_KEY = {
  field: IDEMPOTENCY_KEY,
  message: `must be one text of 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters, in double quotes`,
}

export function apiPath(api: API): string {
  if (api.namespace === undefined) throw new TypeError(`The API ${api.name} has no namespace`)
  return `/${buildAPIPath(api.namespace, api.name)}`
}

export function serveAPI(app: Hono<AppEnv>, api: API, options: APIRoutesOptions): void {
  const { controller, admission, stopping } = options
  const method = api.method ?? 'POST'
  app.on(method, apiPath(api), traceRequests(api, apiPath(api)), async (c) => {
    const { until, ...caller } = await identify(c, api, options)
    c.set('byDaemon', api.internal === true && api.operator !== true)
    const keyHeader = api.takesIdempotencyKey ? c.req.header(IDEMPOTENCY_KEY) : undefined
    const idempotencyKey = keyHeader === undefined ? undefined : parseIdempotencyKey(keyHeader)
    if (keyHeader !== undefined && idempotencyKey === undefined) return c.json(invalidFields([NO_KEY]), 400)

    const twice = Object.entries(c.req.queries()).find(([, values]) => values.length > 1)
    if (twice) return c.json(invalidFields([{ field: twice[0], message: 'is given more than once' }]), 400)
    const hasBody = method !== 'GET' && !api.ignoresBody
    const read = async () => (hasBody ? readJSON(c, api) : method === 'GET' ? c.req.query() : {})
    return await admission.admit(c, { preferred: api.internal === true, hasBody }, read, async (body, parked) => {
      if (body === undefined) return c.json(invalidFields([{ field: 'body', message: 'is not JSON' }]), 400)
      const inPath = c.req.param()
      const seen = api.streams ? c.req.header('last-event-id') : undefined
      const extra = { ...(seen !== undefined && { timelineAfter: seen }), ...inPath }
      const input = Object.keys(extra).length === 0 ? body : { ...(body as object), ...extra }
      const fault = unstorable(input)
      if (fault) return c.json(invalidFields([fault]), 400)
      const params = api.params.safeParse(input)
      if (!params.success) return c.json(invalidInput(params.error), 400)

      // Made for the callbacks that look at it: those of reports and creates do not.
      let following: ReturnType<typeof followingSignal> | undefined
      const follow = () => (following ??= followingSignal(c.req.raw.signal, stopping, c.get('overdue').signal))
      const daemon = api.internal ? readDaemon(c.req.header(DAEMON_HEADER)) : undefined
      const context: APIContext = {
        get signal() {
          return follow().controller.signal
        },
        parked,
        ...caller,
        ...(daemon && { daemon }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      }
      let streaming = false
      try {
        const answer = await api.callback.call(controller, context, params.data)
        if (!api.streams) return c.json(answer as object)
        streaming = true
        const { controller: request, release } = follow()
        return streamEvents(c, answer as AsyncIterable<StreamedEvent>, { request, until, release })
      } finally {
        if (!streaming) following?.release()
      }
    })
  })
}

interface Streaming {
  request: AbortController
  /** When the caller's credentials end, in unix seconds. */
  until: number | undefined
  release(): void
}

/** Streams events as they come; a disconnect, main's stop, or the credentials' end aborts `request` and ends the stream. */
function streamEvents(
  c: Context,
  events: AsyncIterable<StreamedEvent>,
  { request, until, release }: Streaming,
): Response {
  c.header('cache-control', 'no-store')
  // Otherwise buffering proxies would hold the stream back.
  c.header('x-accel-buffering', 'no')
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => request.abort())
    const keepAlive = () => void stream.write(': \n\n')
    keepAlive()
    const alive = setInterval(keepAlive, KEEP_ALIVE_MS)
    const leftMs = until === undefined ? LONGEST_MS : Math.min(LONGEST_MS, until * 1000 - Date.now())
    const end = setTimeout(() => request.abort(), leftMs)
    try {
      for await (const { data, ...event } of events) await stream.writeSSE({ ...event, data: JSON.stringify(data) })
    } finally {
      clearInterval(alive)
      clearTimeout(end)
      release()
    }
  })
}

/** Keep-alive: proxies close silent connections. The first tells the caller at once that it is connected. */
const KEEP_ALIVE_MS = 15_000
/** Timers reach no further than 24 days. */
const LONGEST_MS = 20 * 86_400_000

/** @throws InvalidCredentialsError, HTTPException 403 if the caller may not call this */
async function identify(
  c: Context<AppEnv>,
  api: API,
  { authentication, sessions }: APIRoutesOptions,
): Promise<Caller & Pick<Operator, 'until'>> {
  const authorization = c.req.header('authorization')
  if (api.internal) {
    if (api.operator) return identifyOperator(c, { authentication, sessions })
    if (authentication.isDaemon(authorization)) return { operator: true }
    throw new InvalidCredentialsError('The internal token is missing or wrong')
  }
  if (api.allowAnonymous) return { operator: false }
  const caller = await authentication.identify(authorization, c.get('user'))
  // The task would have no owner.
  if (caller.operator && api.method !== 'GET' && authentication.mode !== 'anonymous') {
    throw new InvalidCredentialsError('This token belongs to no user: it can read every task, but create none')
  }
  return caller
}

/**
 * Users are told which character cannot be stored. In reports it is replaced: a provider's text, truncated in the
 * middle of a character, must not keep a run's outcome from being stored.
 */
async function readJSON(c: Context, { internal }: API): Promise<unknown> {
  const text = await c.req.text()
  if (text === '') return {}
  try {
    // Such a character can only be written as an escape. Looking at each value takes longer than the parsing.
    const mayBeUnstorable = internal && text.includes('\\u')
    return mayBeUnstorable ? JSON.parse(text, (_key, value) => replaceUnstorable(value)) : JSON.parse(text)
  } catch {
    return undefined
  }
}
