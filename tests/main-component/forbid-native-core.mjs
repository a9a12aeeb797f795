// Preloaded into main: whoever imports Temporal's native core or, as no traces are sent, OpenTelemetry's SDK there fails
// to load.
import { register } from 'node:module'

const hook = `
  const native = /^@temporalio\\/(worker|core-bridge|testing)(\\/|$)/
  const traces = /^@opentelemetry\\/(?!api$)/
  export function resolve(specifier, context, next) {
    if (native.test(specifier)) throw new Error('Main imports Temporal\\'s native core: ' + specifier)
    if (traces.test(specifier)) throw new Error('Nobody wants traces, which need ' + specifier)
    return next(specifier, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
