/** The main component's entry: configuration in, running component out, signals. */

import { internalToken } from './config/development-token.js'
import { loadConfig } from './config/load.js'
import { stopOnSignals } from './lib/stop-on-signals.js'
import { startMainComponent } from './main-component/index.js'
import { createLogger } from './main-component/logger.js'

try {
  const config = loadConfig({ component: 'main' })
  const { internalApiToken, previousInternalApiToken } = config.components.main
  const internalTokens = [internalToken(config.mode, internalApiToken), previousInternalApiToken].filter(
    (token) => token !== undefined,
  )
  const logger = createLogger()
  const main = await startMainComponent({ config, internalTokens, logger })

  logger.info({ url: main.url }, `listening at ${main.url}`)
  process.send?.({ type: 'ready', url: main.url })

  stopOnSignals((signal) => {
    logger.info({ signal }, 'stopping')
    main.stop().then(() => process.exit(0), fail)
  })
} catch (error) {
  fail(error)
}

/** Errors that an operator can remedy print only their message; others also print a stack trace. */
function fail(error: unknown): never {
  const known = error instanceof Error && 'code' in error
  process.stderr.write(`main component: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
