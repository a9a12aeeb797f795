// Preloaded into the daemon: whoever imports interaqt, a database driver or, as no traces are sent, OpenTelemetry's SDK
// there fails to load.
import { register } from 'node:module'

const hook = `
  const drivers = /^(interaqt|pg|pg-pool|mysql2|better-sqlite3|@electric-sql\\/pglite)(\\/|$)/
  const traces = /^@opentelemetry\\/(?!api$)/
  export function resolve(specifier, context, next) {
    if (drivers.test(specifier)) throw new Error('The daemon imports what only main needs: ' + specifier)
    if (traces.test(specifier)) throw new Error('Nobody wants traces, which need ' + specifier)
    return next(specifier, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
