// Preloaded into the daemon: whoever imports interaqt or a database driver there fails to load.
import { register } from 'node:module'

const hook = `
  const drivers = /^(interaqt|pg|pg-pool|mysql2|better-sqlite3|@electric-sql\\/pglite)(\\/|$)/
  export function resolve(specifier, context, next) {
    if (drivers.test(specifier)) throw new Error('The daemon imports what only main needs: ' + specifier)
    return next(specifier, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
