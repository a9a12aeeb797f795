import { type Logger, pino } from 'pino'
import { logDestination } from '../lib/log-destination.js'
import { rememberChild } from '../lib/log-level.js'
import { traceFields } from '../lib/tracing.js'

/** JSON lines on stdout, or readable ones where that is a terminal. `LOG_LEVEL` sets the level (default `info`). */
export function createLogger(): Logger {
  const options = {
    name: 'main',
    level: process.env.LOG_LEVEL || 'info',
    onChild: rememberChild,
    mixin: traceFields,
  }
  return process.stdout.isTTY
    ? pino({ ...options, transport: { target: 'pino-pretty' } })
    : pino(options, logDestination('main'))
}
