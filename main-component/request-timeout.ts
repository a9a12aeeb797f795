import type { MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { timeout } from 'hono/timeout'
import type { AppEnv } from './app-env.js'

/**
 * Answers 504 after `ms`, and aborts the callback's signal.
 *
 * A transaction in flight is not aborted: it may still commit after its caller was told 504. That is safe: the caller
 * retries, as after any lost answer, and every report is idempotent: a repeated claim, begin, step or outcome is
 * answered as the first time, and anything else is refused by attempt and token.
 */
export function requestTimeout(ms: number): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    const overdue = new AbortController()
    c.set('overdue', overdue)
    return timeout(ms, () => {
      const late = new HTTPException(504, { message: 'The request took too long' })
      overdue.abort(late)
      return late
    })(c, next)
  }
}
