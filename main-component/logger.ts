import { type Logger, pino } from 'pino'

/** JSON lines on stdout, or readable ones where that is a terminal. `LOG_LEVEL` sets the level (default `info`). */
export function createLogger(): Logger {
  return pino({
    name: 'main',
    level: process.env.LOG_LEVEL || 'info',
    ...(process.stdout.isTTY && { transport: { target: 'pino-pretty' } }),
  })
}
