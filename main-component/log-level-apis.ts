/** `GET` and `POST operator/logLevel`: how much the main that answers writes to its log, until it ends. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { type API, createAPI } from '../lib/api.js'
import { changeLogLevel, logLevelSchema } from '../lib/log-level.js'
import { bySchema, whySchema } from '../protocol/messages.js'
import { OPERATOR_NAMESPACE } from '../protocol/names.js'

export function createLogLevelAPIs(logger: Logger): API[] {
  const common = { namespace: OPERATOR_NAMESPACE, name: 'logLevel', internal: true, operator: true }
  const answer = z.object({ level: z.string() })
  return [
    createAPI({
      ...common,
      method: 'GET',
      summary: 'The level of this main’s log',
      params: z.strictObject({}),
      answer,
      callback: async () => ({ level: logger.level }),
    }),
    createAPI({
      ...common,
      summary: 'Give the log of this main another level, until it ends',
      params: z.strictObject({ level: logLevelSchema, by: bySchema, reason: whySchema.optional() }),
      answer,
      callback: async (_context, change) => changeLogLevel(logger, change),
    }),
  ]
}
