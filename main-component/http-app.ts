/** Main over HTTP: what every request goes through, and what is served. Answers are JSON, errors too. */
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import type { Logger } from 'pino'
import type { ArtifactsConfig } from '../artifacts/config.js'
import { type API, APIError } from '../lib/api.js'
import { MAX_BODY_BYTES, REQUEST_TIMEOUT_MS } from '../protocol/limits.js'
import { withoutSignature } from '../protocol/provider-callback.js'
import { RunsUnavailableError } from '../protocol/run-handles.js'
import { CommitUnknownError, isDatabaseUnavailable } from '../tasks/database/faults.js'
import { OverloadedError } from '../tasks/database/turns.js'
import { type APIRoutesOptions, serveAPI } from './api-routes.js'
import type { AppEnv } from './app-env.js'
import { serveArtifacts } from './artifacts.js'
import { serveConsole } from './console/index.js'
import { AuthenticationUnavailableError, InvalidCredentialsError } from './errors.js'
import { refuseForeignPages } from './foreign-pages.js'
import { invalidFields } from './invalid-input.js'
import { openAPIDocument } from './openapi.js'
import { type ProbesOptions, serveProbes } from './probes.js'
import { requestTimeout } from './request-timeout.js'

export interface HTTPAppOptions extends APIRoutesOptions, Pick<ProbesOptions, 'deadLoops' | 'metrics'> {
  apis: API[]
  middlewares: MiddlewareHandler[]
  /** The store of the results that it serves. */
  artifacts: ArtifactsConfig
  /** Where clients reach main, for the OpenAPI document. */
  url: string
  logger: Logger
}

const RETRY_AFTER_SECONDS = 2

export function createHTTPApp(options: HTTPAppOptions): Hono<AppEnv> {
  const { apis, logger } = options
  const app = new Hono<AppEnv>()
  app.use(requestId({ limitLength: 100 }), logRequests(logger))
  app.use(limitBody)
  app.use('/api/*', refuseForeignPages)
  app.use('/api/*', requestTimeout(REQUEST_TIMEOUT_MS))
  for (const middleware of options.middlewares) app.use('/api/*', middleware)

  for (const api of apis) serveAPI(app, api, options)
  serveProbes(app, options)
  let document: object | undefined
  app.get('/openapi.json', (c) => {
    document ??= openAPIDocument(apis, options.url, options.authentication)
    return c.json(document)
  })
  app.get('/artifacts/*', serveArtifacts(options.artifacts))
  serveConsole(app, options)
  refuseOtherMethods(app)

  app.notFound((c) => c.json(failure('Not found'), 404))
  app.onError((error, c) => answerError(error, c, logger))
  return app
}

const limitBodyOfUnknownSize = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge })

/** Hono's own middleware looks at the body first, for which the server makes a whole Request: it doubles what HTTP costs. */
const limitBody: MiddlewareHandler = async (c, next) => {
  const size = c.req.header('content-length')
  if (size === undefined || c.req.header('transfer-encoding') !== undefined) return limitBodyOfUnknownSize(c, next)
  return Number(size) > MAX_BODY_BYTES ? tooLarge(c) : next()
}

/** What is not there by one method may be there by another: which, a 405 tells, and the answer to OPTIONS. */
function refuseOtherMethods(app: Hono<AppEnv>): void {
  const methods = new Map<string, Set<string>>()
  for (const { path, method } of app.routes) {
    // Middlewares apply to all methods.
    if (method === 'ALL') continue
    const known = methods.get(path) ?? new Set(['OPTIONS'])
    methods.set(path, known.add(method))
    if (method === 'GET') known.add('HEAD')
  }
  for (const [path, allowed] of methods) {
    const allow = [...allowed].sort().join(', ')
    app.all(path, (c, next) => {
      const { method } = c.req
      if (method !== 'OPTIONS' && allowed.has(method)) return next()
      c.header('allow', allow)
      if (method === 'OPTIONS') return c.body(null, 204)
      return c.json(failure(`Method not allowed: use ${allow}`), 405)
    })
  }
}

/** The time is measured until the answer is sent, or the caller disconnects. */
function logRequests(logger: Logger): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const arrivedAt = performance.now()
    c.set('arrivedAt', arrivedAt)
    await next()
    const { method } = c.req
    const path = withoutSignature(c.req.path)
    const { status } = c.res
    const outgoing = c.env?.outgoing
    const log = () => {
      const ms = Math.round(performance.now() - arrivedAt)
      const gone = outgoing?.writableFinished === false
      const traceId = c.get('traceId')
      const traced = traceId !== undefined && { traceId }
      const entry = { requestId: c.get('requestId'), ...traced, method, path, status, ms, ...(gone && { gone }) }
      // Health checks and polls are frequent; what a daemon's request changes has a line of its own.
      const isFrequent = method === 'GET' || (c.get('byDaemon') && status < 400)
      if (status >= 500) logger.warn(entry, 'request failed')
      else if (isFrequent) logger.debug(entry, 'request')
      else logger.info(entry, 'request')
    }
    if (outgoing && !outgoing.destroyed) outgoing.once('close', log)
    else log()
  }
}

/** The caller learns that it failed, and the request id to find it in the log, but no internals. */
function answerError(error: Error, c: Context<AppEnv>, logger: Logger) {
  if (error instanceof APIError) {
    if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(error.retryAfterSeconds))
    return c.json(error.body, error.httpStatus)
  }
  if (error instanceof InvalidCredentialsError) {
    c.header('www-authenticate', 'Bearer')
    return c.json(failure(error.message), 401)
  }
  if (error instanceof HTTPException) {
    return c.json(failure(error.message), error.status)
  }
  const id = c.get('requestId')
  // Overload is logged once per request, in its own line.
  if (!(error instanceof OverloadedError))
    logger.error({ requestId: id, path: withoutSignature(c.req.path), err: error }, 'request threw')
  const away = whatIsAway(error)
  if (away !== undefined) {
    c.header('retry-after', String(RETRY_AFTER_SECONDS))
    return c.json({ ...failure(away), requestId: id }, 503)
  }
  const said = error instanceof CommitUnknownError ? 'It is not known whether this was stored' : 'Internal error'
  return c.json({ ...failure(said), requestId: id }, 500)
}

/** Errors after which the same request may be retried unchanged. */
function whatIsAway(error: Error): string | undefined {
  if (isDatabaseUnavailable(error)) return 'The database is away, busy or full; nothing was stored'
  const known = [RunsUnavailableError, OverloadedError, AuthenticationUnavailableError]
  if (known.some((kind) => error instanceof kind)) return error.message
  return undefined
}

/** The rest of such a body is not read, so the connection cannot be reused. */
function tooLarge(c: Context) {
  c.header('connection', 'close')
  return c.json(invalidFields([{ field: 'body', message: 'is larger than 1 MiB' }]), 413)
}

function failure(error: string) {
  return { success: false as const, error }
}
