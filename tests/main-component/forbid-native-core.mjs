// Preloaded into main: whoever imports Temporal's native core there fails to load.
import { register } from 'node:module'

const hook = `
  const native = /^@temporalio\\/(worker|core-bridge|testing)(\\/|$)/
  export function resolve(specifier, context, next) {
    if (native.test(specifier)) throw new Error('Main imports Temporal\\'s native core: ' + specifier)
    return next(specifier, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
