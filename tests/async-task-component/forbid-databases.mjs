// Preloaded into the daemon: whoever imports a database driver there fails to load.
import { register } from 'node:module'

const hook = `
  const drivers = /^(interaqt\\/drivers|pg|pg-pool|mysql2|better-sqlite3|@electric-sql\\/pglite)(\\/|$)/
  export function resolve(specifier, context, next) {
    if (drivers.test(specifier)) throw new Error('The daemon imports a database driver: ' + specifier)
    return next(specifier, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
