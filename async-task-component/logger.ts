import { type LogLevel, type LogMetadata, Runtime, type Logger as TemporalLogger } from '@temporalio/worker'
import type { Logger } from 'pino'
import { createProcessLogger } from '../lib/logger.js'
import type { Redact } from '../lib/redaction.js'

export type { Logger }

/** Fields that carry secrets, at any depth of a log line. */
const SECRETS = ['internalToken', 'internalApiToken', 'apiKey', 'authorization'].flatMap((name) => [name, `*.${name}`])

/** @param redact applied to each finished line. Default: nothing */
export function createLogger(redact?: Redact): Logger {
  return createProcessLogger('async-task', { redact: SECRETS, ...(redact && { hooks: { streamWrite: redact } }) })
}

/**
 * Makes the process's Temporal runtime use our logger, and leaves signals to us: on SIGINT the SDK would stop its
 * workers by itself, before the task processor has stopped. Call it once per process, before the first worker.
 *
 * @param metricsAddress where the SDK serves its own metrics, as `host:port`. Default: it measures nothing
 */
export function installTemporalRuntime(logger: Logger, metricsAddress?: string): void {
  Runtime.install({
    logger: temporalLogger(logger),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(metricsAddress !== undefined && { metrics: { prometheus: { bindAddress: metricsAddress, ...PROMETHEUS } } }),
    },
  })
}

/** Names as Prometheus has them. */
const PROMETHEUS = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true }

/** The SDK's messages (worker states, bundler output) are for debugging; those of workflows and activities are ours. */
function temporalLogger(logger: Logger): TemporalLogger {
  const log = (level: LogLevel, message: string, meta: LogMetadata = {}) => {
    const { error, ...fields } = meta
    const isOurs = meta.sdkComponent === 'workflow' || meta.sdkComponent === 'activity'
    const pinoLevel = level === 'INFO' && !isOurs ? 'debug' : PINO_LEVELS[level]
    logger[pinoLevel]({ ...stringified(fields), ...(error !== undefined && { err: error }) }, message)
  }
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  }
}

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const

/** The SDK's metadata holds bigints, which JSON does not. */
function stringified(fields: LogMetadata): LogMetadata {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'bigint' ? String(value) : value]),
  )
}
