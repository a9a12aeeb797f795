/** How main and the daemon listen: bad requests are answered, and nobody holds a connection by sending slowly. */
import { createServer, type Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'

type Fetch = Parameters<typeof createAdaptorServer>[0]['fetch']

export interface HTTPServerOptions {
  /** For a request's line and headers. */
  headersTimeoutMs: number
  /** For a request as a whole to arrive, its body included. */
  requestTimeoutMs: number
  /** Whether `Request` and `Response` become the library's own, as some of Hono's middlewares need. Default: true. */
  overrideGlobalObjects?: boolean
}

/** How often connections are looked at for whether their time is over. */
const CHECK_INTERVAL_MS = 1_000

/**
 * Longer than load balancers keep theirs (60 s), so that it is not this side which closes a connection just as the
 * next request is on its way.
 */
const KEEP_ALIVE_MS = 65_000

/** Makes a server of an application's `fetch`. A request whose target is no URL is answered 400. */
export function createHTTPServer(
  fetch: Fetch,
  { headersTimeoutMs, requestTimeoutMs, overrideGlobalObjects = true }: HTTPServerOptions,
): Server {
  return createAdaptorServer({
    fetch,
    // HTTP/1.0 names no host.
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
