import { type Logger, type LoggerOptions, pino } from 'pino'
import { logDestination } from './log-destination.js'
import { rememberChild } from './log-level.js'
import { traceFields } from './tracing.js'

/** JSON lines on stdout, or readable ones if that is a terminal. `LOG_LEVEL` sets the level (default `info`). */
export function createProcessLogger(name: string, more: LoggerOptions = {}): Logger {
  const level = process.env.LOG_LEVEL || 'info'
  const options = { name, level, onChild: rememberChild, mixin: traceFields, ...more }
  return process.stdout.isTTY
    ? pino({ ...options, transport: { target: 'pino-pretty' } })
    : pino(options, logDestination(name))
}
