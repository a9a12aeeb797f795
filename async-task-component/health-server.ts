/** The daemon's health over HTTP, for probes and people. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ComponentStatus } from './index.js'

export interface HealthServerOptions {
  host: string
  /** 0: a free one. */
  port: number
  status(): ComponentStatus
}

/**
 * Serves `GET /health/live` (200 while the process answers at all) and `GET /health/ready` (200 once every worker
 * runs and no gate is closed, else 503), both with what each worker and loop is doing.
 */
export class HealthServer {
  readonly #options: HealthServerOptions
  readonly #server: Server

  constructor(options: HealthServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => {
      const status = options.status()
      const code = request.method === 'GET' ? codeOf(request.url ?? '', status) : 405
      response.writeHead(code, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(code === 200 || code === 503 ? describe(status) : { error: 'Not found' }))
    })
  }

  /** @returns where it listens; throws what listening throws */
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

function codeOf(url: string, status: ComponentStatus): number {
  const { pathname } = new URL(url, 'http://health')
  if (pathname === '/health/live') return 200
  if (pathname === '/health/ready') return isReady(status) ? 200 : 503
  return 404
}

function isReady({ workers, loops }: ComponentStatus): boolean {
  const running = workers.length > 0 && workers.every(({ state }) => state === 'running')
  return running && loops.every(({ closedBy }) => closedBy === null)
}

/** An error's message is for the log: it may quote configuration. */
function describe({ workers, loops }: ComponentStatus) {
  return { workers: workers.map(({ name, taskQueue, state }) => ({ name, taskQueue, state })), loops }
}
