/** Main as a process: configuration in, running component out, signals. */
import type { Application } from '../application/define.js'
import { exitBecause } from '../lib/exit-because.js'
import { debugOnSignal } from '../lib/log-level.js'
import { createRedactor, secretsOf } from '../lib/redaction.js'
import { startTracing } from '../lib/start-tracing.js'
import { stopOnSignals } from '../lib/stop-on-signals.js'
import { createLogger } from './logger.js'
import { openDatabase } from './open-database.js'

/** Runs an application's main until a signal ends the process. */
export async function runMain(application: Application): Promise<void> {
  try {
    const config = application.loadConfig({ component: 'main' })
    const logger = createLogger()
    debugOnSignal(logger)
    const redact = createRedactor(secretsOf(config))
    const tracing = await startTracing({ serviceName: 'async-task-main', redact, logger })
    // Loaded at the same time: an empty database takes as long to make.
    const starting = Promise.all([openDatabase(config.components.main.database, logger), import('./index.js')]).then(
      ([database, { startMainComponent }]) => startMainComponent({ application, config, logger, database }),
    )
    // Before main says that it is ready: who hears that may stop it at once.
    stopOnSignals((signal) => {
      logger.info({ signal }, 'stopping')
      starting
        .then((main) => main.stop())
        .then(() => tracing?.stop())
        .then(() => process.exit(0), fail)
    })
    const { url } = await starting
    logger.info({ url }, `listening at ${url}`)
    process.send?.({ type: 'ready', url })
  } catch (error) {
    fail(error)
  }
}

const fail = (error: unknown) => exitBecause('main component', error)
