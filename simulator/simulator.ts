/** The common part of the simulators: an HTTP server, a log of requests, and faults on demand. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { manyListeners } from '../lib/abort.js'
import { addControlRoutes } from './control.js'
import { disturbing, type Operation, type ProviderErrors } from './disturbances.js'
import { keyOf, repeatingKey } from './echo.js'
import { type FaultKind, type FaultPlan, Faults } from './faults.js'
import { SIMULATOR_HEADER, type SimulatorApp, type SimulatorContext, type SimulatorEnv } from './http.js'
import { createLatency, type LatencyOptions, type RealisticLatency } from './latency.js'
import { type LoggedRequest, logRequest } from './request-log.js'

const DEFAULT_RETRY_AFTER_SECONDS = 1
const DEFAULT_SLOW_BODY_MS = 5000
const DEFAULT_SEED = 1

export interface SimulatorOptions extends LatencyOptions {
  /** Default: 0, any free port. */
  port?: number
  /** The faults to come; `Simulator.faults` changes them. Default: none. */
  faults?: FaultPlan
  /** The seed of everything random. Default: 1. */
  seed?: number
  /** The `Retry-After` of a 429 that has one; `Faults.retryAfterSeconds` changes it. Default: 1. */
  retryAfterSeconds?: number
  /** How long a slow body takes. Default: 5000. */
  slowBodyMs?: number
  /** The only accepted key. Default: any. */
  apiKey?: string
  /** The existing models; others are not found. Default: any. */
  models?: string[]
}

export interface Simulator {
  /** Listens, and returns the base URL for a client. */
  start(): Promise<{ url: string }>
  /** Resolves when all connections are closed. */
  stop(): Promise<void>
  readonly requests: LoggedRequest[]
  readonly faults: Faults
}

/** What a simulator's own routes use. */
export interface Bench {
  /** Whether such a fault happens to this request now; it is logged. */
  happens(c: SimulatorContext, kind: FaultKind): boolean
  /** The fault with which the task of this request ends, if any; it is logged. */
  ending(c: SimulatorContext): FaultKind | undefined
  /** A middleware for an operation that carries out faults. */
  during(operation: Operation): MiddlewareHandler<SimulatorEnv>
  /** The latency of one creation, in milliseconds; each call is a new random number. */
  latencyMs(units?: number): number
  /** Resolves after this time, or when the simulator is stopped. */
  pause(ms: number): Promise<void>
  /** Aborted when the simulator is stopped. */
  stopped(): AbortSignal
}

export interface SimulatorKind {
  name: string
  basePath: string
  /** The faults it has. */
  faultKinds: readonly FaultKind[]
  errors: ProviderErrors
  realisticLatency: RealisticLatency
}

export function createSimulator(
  { name, basePath, faultKinds, errors, realisticLatency }: SimulatorKind,
  options: SimulatorOptions,
  addRoutes: (app: SimulatorApp, bench: Bench) => void,
): Simulator {
  const { seed = DEFAULT_SEED } = options
  const requests: LoggedRequest[] = []
  const faults = new Faults(faultKinds, seed, options.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS)
  faults.set(options.faults ?? {})
  const disturbance = { errors, slowBodyMs: options.slowBodyMs ?? DEFAULT_SLOW_BODY_MS }
  let stopping = new AbortController()

  const app: SimulatorApp = new Hono()
  app.use(async (c, next) => {
    c.set('name', name)
    const text = c.req.method === 'POST' ? await c.req.text() : ''
    c.set('json', parseJson(text))
    await next()
    c.header(SIMULATOR_HEADER, name)
  })
  addControlRoutes(app, requests, faults)
  app.use(async (c, next) => {
    const entry = logRequest(requests, c.req.method, new URL(c.req.url), c.get('json'))
    c.set('entry', entry)
    await next()
    if (c.res.headers.has(ALREADY_SENT_HEADER)) return
    entry.status = c.res.status
    const key = keyOf(c)
    if (key === undefined || !c.res.headers.get('content-type')?.includes('json')) return
    const echo = faults.takeAt('answer')
    if (!echo) return
    entry.faults.push(echo)
    c.res = await repeatingKey(c.res, key, echo === 'echoKeyEverywhere')
  })
  addRoutes(app, {
    happens(c, kind) {
      if (!faults.take(kind)) return false
      c.get('entry').faults.push(kind)
      return true
    },
    ending(c) {
      const kind = faults.takeAt('end')
      if (kind) c.get('entry').faults.push(kind)
      return kind
    },
    during: (operation) => disturbing(operation, faults, disturbance),
    latencyMs: createLatency(options, realisticLatency, seed),
    // A stop ends a pause early, without an error.
    pause: (ms) => delay(ms, undefined, { signal: stopping.signal }).catch(() => {}),
    stopped: () => stopping.signal,
  })

  let server: Server | undefined
  return {
    requests,
    faults,
    async start() {
      stopping = new AbortController()
      manyListeners(stopping.signal)
      server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: options.port ?? 0 }) as Server
      // Closing a connection while a request is on its way would be an unwanted fault.
      server.keepAliveTimeout = 0
      if (!server.listening) await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      return { url: `http://127.0.0.1:${port}${basePath}` }
    },
    async stop() {
      if (!server) return
      stopping.abort()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      server = undefined
    },
  }
}

/** Tells the HTTP server that a fault has written to the connection itself. */
const ALREADY_SENT_HEADER = 'x-hono-already-sent'

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
