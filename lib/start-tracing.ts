/**
 * Starts OpenTelemetry's SDK if the usual variables say where traces go (`OTEL_EXPORTER_OTLP_ENDPOINT`, say). Otherwise
 * none of it is even loaded.
 */
import type { Tracing, TracingOptions } from './tracing-sdk.js'

/** @returns null if traces go nowhere */
export async function startTracing(
  options: TracingOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Tracing | null> {
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none'
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT
  if (isOff || !endpoint) return null
  const { startSDK } = await import('./tracing-sdk.js')
  return startSDK(options, env)
}
