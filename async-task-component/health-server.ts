/** What machines and people ask of the daemon: whether it lives, whether it can serve, and its metrics. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type Context, Hono } from 'hono'
import { createTokenCheck } from '../lib/bearer-token.js'
import { createHTTPServer, listen } from '../lib/http-server.js'
import { OPENMETRICS } from '../lib/metrics.js'
import { type LogLevelOptions, serveLogLevel } from './log-level-route.js'
import type { LoopStatus } from './task-processor.js'
import type { WorkerStatus } from './worker-manager.js'

/** The state of each integration's worker and loop, and why it is not serving. */
export interface ComponentStatus {
  workers: WorkerStatus[]
  loops: LoopStatus[]
}

export interface HealthServerOptions {
  host: string
  /** 0: a free port. */
  port: number
  status(): ComponentStatus
  /** OpenMetrics text. */
  readMetrics(): Promise<string>
  /** What `/metrics` asks for. Default: nothing. */
  metricsToken?: string | undefined
  /** Whose level `/log-level` changes, and for whom. Default: it is not served. */
  logLevel?: LogLevelOptions
}

/** A probe's request is short and sent at once. */
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000

/**
 * Serves `GET /livez`, `/readyz` and `/startupz`, which name what is wrong: docs/health.md argues what concerns which.
 * Also `GET /health/live` (200 while the process answers at all) and `GET /health/ready` (200 once every worker runs and
 * no gate is closed, else 503), both with the state of each worker and loop; `/metrics`; and `/log-level`.
 */
export class HealthServer {
  readonly #server: Server

  constructor(private readonly options: HealthServerOptions) {
    this.#server = createHTTPServer(healthApp(options).fetch, {
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      // Others in this process expect theirs.
      overrideGlobalObjects: false,
    })
  }

  /** @returns where it listens; throws if it cannot listen */
  start(): Promise<string> {
    return listen(this.#server, this.options.host, this.options.port)
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

function healthApp({ status, readMetrics, metricsToken, logLevel }: HealthServerOptions): Hono {
  const app = new Hono()
  const mayReadMetrics = metricsToken === undefined ? () => true : createTokenCheck([metricsToken])
  const answer = (c: Context, isGood: (status: ComponentStatus) => boolean) => {
    const now = status()
    return c.json(describe(now), isGood(now) ? 200 : 503)
  }
  // Probes are rare, so their connections are not kept alive.
  app.use(async (c, next) => {
    c.header('connection', 'close')
    await next()
  })
  const probe = (path: string, failingIn: (status: ComponentStatus) => string[]) =>
    app.get(path, (c) => {
      const failing = failingIn(status())
      return failing.length === 0 ? c.json({ status: 'ok' }) : c.json({ status: 'failing', failing }, 503)
    })
  probe('/livez', deadLoops)
  probe('/readyz', (now) => [...deadLoops(now), ...notServing(now)])
  probe('/startupz', notStarted)
  app.get('/metrics', async (c) => {
    if (mayReadMetrics(c.req.header('authorization'))) {
      return c.body(await readMetrics(), 200, { 'content-type': OPENMETRICS })
    }
    return c.json({ error: 'The metrics need their token' }, 401, { 'www-authenticate': 'Bearer' })
  })
  if (logLevel) serveLogLevel(app, logLevel)
  app.get('/health/live', (c) => answer(c, () => true))
  app.get('/health/ready', (c) => answer(c, isReady))
  app.notFound((c) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    return c.json({ error: 'Not found' }, isRead ? 404 : 405, { ...(!isRead && { allow: 'GET, HEAD' }) })
  })
  return app
}

/** A new process has them again. */
function deadLoops({ loops }: ComponentStatus): string[] {
  return loops.flatMap(({ namespace, dead }) => dead.map((loop) => `the ${loop} loop of ${namespace} has died`))
}

/** No gate that closes in the course of business: a full backlog, a provider that is busy. */
function notServing({ workers, loops }: ComponentStatus): string[] {
  const idle = workers
    .filter(({ state }) => state !== 'running')
    .map(({ name, state }) => `the worker of ${name} is ${state}`)
  const away = loops.some(({ closedBy }) => closedBy === 'temporal_unavailable')
  const missing = loops.some(({ closedBy }) => closedBy === 'namespace_missing')
  const unauthorized = loops.some(({ lastRound }) => lastRound === 'unauthorized')
  return [
    ...(workers.length === 0 ? ['no worker has been started'] : idle),
    ...(away ? ['Temporal does not answer'] : []),
    ...(missing ? ['Temporal does not have the namespace'] : []),
    ...(unauthorized ? ['main does not accept the internal token'] : []),
  ]
}

/** While there are none, it waits for Temporal: a restart would not help. */
function notStarted({ workers }: ComponentStatus): string[] {
  const building = workers.filter(({ state }) => state === 'idle' || state === 'building')
  return building.map(({ name }) => `the worker of ${name} is being built`)
}

function isReady({ workers, loops }: ComponentStatus): boolean {
  const running = workers.length > 0 && workers.every(({ state }) => state === 'running')
  return running && loops.every(({ closedBy }) => closedBy === null)
}

/** An error's message belongs in the log only: it may quote configuration. */
function describe({ workers, loops }: ComponentStatus) {
  return {
    workers: workers.map(({ name, taskQueue, state }) => ({ name, taskQueue, state })),
    loops: loops.map(({ namespace, state, closedBy }) => ({ namespace, state, closedBy })),
  }
}
