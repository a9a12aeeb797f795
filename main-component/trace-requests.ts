/** The spans of requests to main's APIs. */
import type { MiddlewareHandler } from 'hono'
import type { API } from '../lib/api.js'
import { isTracing, spannedRequest } from '../lib/tracing.js'
import type { AppEnv } from './app-env.js'

/**
 * Has requests to an API be spans of their callers' traces. What users and operators want done begins a trace where its
 * caller has none; reads and daemons' polls do not.
 */
export function traceRequests({ method = 'POST', internal, operator }: API, route: string): MiddlewareHandler<AppEnv> {
  const begins = method === 'POST' && (operator || !internal)
  return (c, next) => {
    const [traceparent, tracestate] = [c.req.header('traceparent'), c.req.header('tracestate')]
    if (!isTracing() || (traceparent === undefined && !begins)) return next()
    const headers = { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) }
    const requestId = c.get('requestId')
    const attributes = { 'http.request.method': method, 'http.route': route, 'asynctask.request_id': requestId }
    return spannedRequest(`${method} ${route}`, { headers, attributes }, async (traceId) => {
      c.set('traceId', traceId)
      await next()
      return { status: c.res.status, error: c.error }
    })
  }
}
