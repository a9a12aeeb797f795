/** The daemon's health over HTTP, for probes and people. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Context, Hono } from 'hono'
import { createHTTPServer } from '../lib/http-server.js'
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
}

/** A probe's request is short and sent at once. */
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000

/**
 * Serves `GET /health/live` (200 while the process answers at all) and `GET /health/ready` (200 once every worker runs
 * and no gate is closed, else 503), both with the state of each worker and loop.
 */
export class HealthServer {
  readonly #options: HealthServerOptions
  readonly #server: Server

  constructor(options: HealthServerOptions) {
    this.#options = options
    this.#server = createHTTPServer(healthApp(options.status).fetch, {
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      // Others in this process expect theirs.
      overrideGlobalObjects: false,
    })
  }

  /** @returns where it listens; throws if it cannot listen */
  async start(): Promise<string> {
    const { host, port } = this.#options
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

function healthApp(status: () => ComponentStatus): Hono {
  const app = new Hono()
  const answer = (c: Context, isGood: (status: ComponentStatus) => boolean) => {
    const now = status()
    return c.json(describe(now), isGood(now) ? 200 : 503)
  }
  // Probes are rare, so their connections are not kept alive.
  app.use(async (c, next) => {
    c.header('connection', 'close')
    await next()
  })
  app.get('/health/live', (c) => answer(c, () => true))
  app.get('/health/ready', (c) => answer(c, isReady))
  app.notFound((c) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    return c.json({ error: 'Not found' }, isRead ? 404 : 405, { ...(!isRead && { allow: 'GET, HEAD' }) })
  })
  return app
}

function isReady({ workers, loops }: ComponentStatus): boolean {
  const running = workers.length > 0 && workers.every(({ state }) => state === 'running')
  return running && loops.every(({ closedBy }) => closedBy === null)
}

/** An error's message belongs in the log only: it may quote configuration. */
function describe({ workers, loops }: ComponentStatus) {
  return { workers: workers.map(({ name, taskQueue, state }) => ({ name, taskQueue, state })), loops }
}
