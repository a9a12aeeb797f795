/** HTTP server settings of main and the daemon: bad requests are answered, and slow senders are cut off. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

type Fetch = Parameters<typeof createAdaptorServer>[0]['fetch']

export interface HTTPServerOptions {
  /** For a request's line and headers. */
  headersTimeoutMs: number
  /** For a whole request to arrive, including its body. */
  requestTimeoutMs: number
  /** Whether `Request` and `Response` become the library's own, as some of Hono's middlewares need. Default: true. */
  overrideGlobalObjects?: boolean
}

/** How often connections are checked for these time-outs. */
const CHECK_INTERVAL_MS = 1_000

/**
 * Longer than the keep-alive of load balancers (60 s), so that this side does not close a connection just as the next
 * request arrives.
 */
const KEEP_ALIVE_MS = 65_000

/** What requests in flight have at a stop. */
const STOP_GRACE_MS = 5_000

/** Makes a server from an application's `fetch`. A request whose target is not a URL is answered 400. */
export function createHTTPServer(
  fetch: Fetch,
  { headersTimeoutMs, requestTimeoutMs, overrideGlobalObjects = true }: HTTPServerOptions,
): Server {
  return createAdaptorServer({
    fetch,
    // HTTP/1.0 sends no host.
    hostname: 'localhost',
    overrideGlobalObjects,
    createServer,
    serverOptions: {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
  }) as Server
}

/** @returns where it listens: with port 0, at the port it got */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host)
  await once(server, 'listening')
  const { port: found } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${found}`
}

/** Closes a server once its requests have been answered, or the time for that is over. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // A keep-alive connection becomes idle only once its request is answered.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const force = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS)
  await closed
  clearInterval(idle)
  clearTimeout(force)
}
