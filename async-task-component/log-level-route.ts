/** `GET` and `POST /log-level` of the daemon's health port, for who has the internal token. */
import type { Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Logger } from 'pino'
import { z } from 'zod'
import { createTokenCheck } from '../lib/bearer-token.js'
import { jsonOf } from '../lib/json.js'
import { changeLogLevel, logLevelSchema } from '../lib/log-level.js'
import { bySchema, whySchema } from '../protocol/messages.js'

export interface LogLevelOptions {
  logger: Logger
  internalToken: string
}

const requestSchema = z.strictObject({ level: logLevelSchema, by: bySchema, reason: whySchema.optional() })
const MAX_BYTES = 4096

export function serveLogLevel(app: Hono, { logger, internalToken }: LogLevelOptions): void {
  const mayChange = createTokenCheck([internalToken])
  const unlessRefused = (answer: (c: Context) => Response | Promise<Response>) => (c: Context) =>
    mayChange(c.req.header('authorization'))
      ? answer(c)
      : c.json({ error: 'The log level needs the internal token' }, 401, { 'www-authenticate': 'Bearer' })

  app.get(
    '/log-level',
    unlessRefused((c) => c.json({ level: logger.level })),
  )
  app.post(
    '/log-level',
    bodyLimit({ maxSize: MAX_BYTES }),
    unlessRefused(async (c) => {
      const request = requestSchema.safeParse(jsonOf(await c.req.text()))
      if (!request.success) return c.json({ error: z.prettifyError(request.error) }, 400)
      return c.json(changeLogLevel(logger, request.data))
    }),
  )
}
