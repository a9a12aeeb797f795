/** What the providers' simulators have in common: an HTTP server, a log of requests, and faults on demand. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type HttpBindings, serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'

/** The header by which every answer says that no provider made it. */
export const SIMULATOR_HEADER = 'x-simulator'

/** Faults of the next requests; each counts down as it happens. Tests set them at any time. */
export interface Faults {
  /** Creates to answer with 429. */
  rateLimited: number
  /** What those answers' Retry-After says; none if null. */
  retryAfterSeconds: number | null
  /** Creates to answer with 500 before anything is accepted. */
  failing: number
  /** Reads to answer with 500. */
  readsFailing: number
  /** Creates to accept, and then to break the connection of without an answer. */
  resetting: number
}

export interface SimulatorOptions {
  /** Default 0: any free port. */
  port?: number
  /** How long making something takes. Default 3000. */
  latencyMs?: number
  faults?: Partial<Faults>
  /** The clock that the latency goes by, in milliseconds. Default: the computer's. */
  now?: () => number
}

/** A request as it came in, less its headers. */
export interface LoggedRequest {
  method: string
  path: string
  body?: unknown
}

export interface Simulator {
  /** Listens, and gives the base URL for a client. */
  start(): Promise<{ url: string }>
  /** Ends when every connection is closed. */
  stop(): Promise<void>
  readonly requests: LoggedRequest[]
  readonly faults: Faults
}

export type SimulatorContext = Context<{ Bindings: HttpBindings; Variables: { json: unknown } }>
type SimulatorApp = Hono<{ Bindings: HttpBindings; Variables: { json: unknown } }>

export function createSimulator(
  { name, basePath }: { name: string; basePath: string },
  options: SimulatorOptions,
  addRoutes: (app: SimulatorApp, faults: Faults) => void,
): Simulator {
  const requests: LoggedRequest[] = []
  const faults: Faults = {
    rateLimited: 0,
    retryAfterSeconds: 1,
    failing: 0,
    readsFailing: 0,
    resetting: 0,
    ...options.faults,
  }
  const app: SimulatorApp = new Hono()
  app.use(async (c, next) => {
    const text = c.req.method === 'POST' ? await c.req.text() : ''
    const json = parseJson(text)
    c.set('json', json)
    requests.push({ method: c.req.method, path: c.req.path, ...(json !== undefined && { body: json }) })
    await next()
    c.header(SIMULATOR_HEADER, name)
  })
  addRoutes(app, faults)

  let server: Server | undefined
  return {
    requests,
    faults,
    async start() {
      server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: options.port ?? 0 }) as Server
      if (!server.listening) await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      return { url: `http://127.0.0.1:${port}${basePath}` }
    },
    async stop() {
      if (!server) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      server = undefined
    },
  }
}

/** Whether the next fault of this kind is due; it counts as used. */
export function takeFault(faults: Faults, kind: Exclude<keyof Faults, 'retryAfterSeconds'>): boolean {
  if (faults[kind] === 0) return false
  faults[kind] -= 1
  return true
}

/** Breaks the connection: the caller never learns what became of its request. */
export function resetConnection(c: SimulatorContext): Response {
  c.env.incoming.socket.destroy()
  return c.body(null)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
