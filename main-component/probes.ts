/** What machines ask of main: whether it lives, whether it can serve, and its metrics. */
import type { Context, Hono } from 'hono'
import type { Controller } from 'interaqt'
import { unlessAborted, withTimeout } from '../lib/abort.js'
import { OPENMETRICS, type ServedMetrics } from '../lib/metrics.js'
import { databaseOf } from '../tasks/database/sql.js'
import type { AppEnv } from './app-env.js'
import type { Authentication } from './authentication.js'
import { InvalidCredentialsError } from './errors.js'

export interface ProbesOptions {
  controller: Controller
  stopping: AbortSignal
  /** Which of its loops have died: only a new process has them again. */
  deadLoops: ReadonlySet<string>
  metrics: Pick<ServedMetrics, 'read'>
  authentication: Pick<Authentication, 'mayReadMetrics'>
}

const HEALTH_TIMEOUT_MS = 3_000

/**
 * Serves `GET /livez`, `/readyz` and `/startupz`, which name what is wrong and no more, `/health`, and `/metrics`. The
 * database concerns only `/readyz`: it does not come back sooner if main is restarted. docs/health.md argues it.
 */
export function serveProbes(app: Hono<AppEnv>, options: ProbesOptions): void {
  const { controller, stopping, deadLoops, metrics, authentication } = options
  const dead = () => [...deadLoops].map((loop) => `the loop ${loop} has died`)
  const answer = (c: Context, failing: string[]) =>
    failing.length === 0 ? c.json({ status: 'ok' }) : c.json({ status: 'failing', failing }, 503)
  app.get('/livez', (c) => answer(c, dead()))
  // It listens once the model is in the database.
  app.get('/startupz', (c) => answer(c, []))
  app.get('/readyz', async (c) => {
    if (stopping.aborted) return answer(c, ['main is stopping'])
    return answer(c, [...dead(), ...((await answersQueries(controller)) ? [] : ['the database does not answer'])])
  })
  app.get('/health', async (c) => {
    if (await answersQueries(controller)) return c.json({ status: 'ok' })
    return c.json({ status: 'failing', database: 'does not answer' }, 503)
  })
  app.get('/metrics', async (c) => {
    if (!authentication.mayReadMetrics(c.req.header('authorization'))) {
      throw new InvalidCredentialsError('The metrics need the operator’s token, or the one for metrics')
    }
    return c.body(await metrics.read(), 200, { 'content-type': OPENMETRICS })
  })
}

async function answersQueries(controller: Controller): Promise<boolean> {
  try {
    const answered = databaseOf(controller).query('SELECT 1', [])
    await withTimeout(HEALTH_TIMEOUT_MS, [], (soon) => unlessAborted(answered, soon))
    return true
  } catch {
    return false
  }
}
