/**
 * `interaqt/drivers` imports the drivers of all databases. Those that main never opens need not be installed: where one
 * is missing, something stands in that throws once it is used.
 */
import * as nodeModule from 'node:module'

const UNUSED = ['better-sqlite3', 'mysql2/promise']

const standIn = moduleOf(`
  const missing = function () { throw new Error('This driver is not installed: use PGLite or PostgreSQL, or install it') }
  export default Object.assign(missing, { createConnection: missing, createPool: missing })`)

function moduleOf(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}

/** Call it before `interaqt/drivers` is imported. */
export function replaceMissingDrivers(): void {
  const { resolve } = nodeModule.createRequire(import.meta.url)
  const isMissing = (name: string) => {
    try {
      return !resolve(name)
    } catch {
      return true
    }
  }
  if (!UNUSED.some(isMissing)) return
  const found = { url: standIn, shortCircuit: true }
  // Node 20 knows only hooks that run in a thread.
  if (!nodeModule.registerHooks) nodeModule.register(moduleOf(asyncHooks(found)))
  else nodeModule.registerHooks({ resolve: (...args) => orElse(found, ...args) })
}

function orElse(found: nodeModule.ResolveFnOutput, ...[name, context, next]: Parameters<nodeModule.ResolveHookSync>) {
  try {
    return next(name, context)
  } catch (error) {
    if (UNUSED.includes(name)) return found
    throw error
  }
}

function asyncHooks(found: object): string {
  return `export async function resolve(name, context, next) {
    if (!${JSON.stringify(UNUSED)}.includes(name)) return next(name, context)
    return next(name, context).catch(() => (${JSON.stringify(found)}))
  }`
}
