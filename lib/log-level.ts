/** The level of a process's log, which SIGUSR2 and operators change while it runs. */
import type { Logger } from 'pino'
import { z } from 'zod'

export const logLevelSchema = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])

export interface LogLevelChange {
  level: z.output<typeof logLevelSchema>
  by: string
  reason?: string | undefined
}

/** Each child has a level of its own: pino does not tell them of their parent's. */
let children: Array<WeakRef<Logger>> = []
let sweepAt = 1000

/** For pino's `onChild`. */
export function rememberChild(child: Logger): void {
  children.push(new WeakRef(child))
  if (children.length < sweepAt) return
  children = children.filter((each) => each.deref())
  sweepAt = Math.max(1000, 2 * children.length)
}

/** Also of the log's children. */
function setLogLevel(logger: Logger, level: string): void {
  for (const each of [logger, ...children.map((child) => child.deref())]) if (each) each.level = level
}

/** At an operator's request. Who asked is in the log, whatever the levels before and after. */
export function changeLogLevel(logger: Logger, { level, by, reason }: LogLevelChange): { level: string } {
  setLogLevel(logger, 'info')
  logger.info({ to: level, by, reason }, 'the log has another level')
  setLogLevel(logger, level)
  return { level }
}

/** On SIGUSR2 the log's level becomes `debug`, and on the next one what it was. */
export function debugOnSignal(logger: Logger): void {
  const usual = logger.level
  process.on('SIGUSR2', () => {
    const level = logger.level === 'debug' ? usual : 'debug'
    setLogLevel(logger, level)
    logger.info({ to: level }, 'the log has another level')
  })
}
