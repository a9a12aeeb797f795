import type { HttpBindings } from '@hono/node-server'

/** What middlewares pass to the handlers. In the auth mode `application`, an application's middleware sets `user`. */
export interface AppEnv {
  /** None if a request does not come over HTTP. */
  Bindings: Partial<HttpBindings>
  Variables: {
    requestId: string
    /** When its headers arrived, by `performance.now()`. */
    arrivedAt: number
    /** Aborted when the request's time is over. */
    overdue: AbortController
    /** Set once its token has been accepted. */
    byDaemon?: boolean
    /** `operator`: whether they may do what operators do. */
    user?: { id: string; operator?: boolean }
    /** Where the request is part of a trace. */
    traceId?: string
  }
}
