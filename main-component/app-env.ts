import type { HttpBindings } from '@hono/node-server'

/** What middlewares leave for the handlers. In the auth mode `application`, one of the application's sets `user`. */
export interface AppEnv {
  /** None where a request does not come over HTTP. */
  Bindings: Partial<HttpBindings>
  Variables: {
    requestId: string
    /** When its headers were there, by `performance.now()`. */
    arrivedAt: number
    /** Aborted when the request's time is over. */
    overdue: AbortSignal
    user?: { id: string }
  }
}
