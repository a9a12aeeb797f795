/** The main component: owns the database, and serves the application's model over HTTP. */
import { Controller } from 'interaqt'
import type { Application } from '../application/define.js'
import type { AppConfig } from '../config/schema.js'
import { closeServer, createHTTPServer, listen } from '../lib/http-server.js'
import { DatabaseSystem } from '../tasks/database/sql.js'
import type { OpenedDatabase } from './database.js'
import { type EmbeddedMain, type EmbeddedMainOptions, embedMain } from './embedded.js'
import { MainComponentError } from './errors.js'
import { createLogger } from './logger.js'
import { installOrAttach } from './model.js'
import { openDatabase } from './open-database.js'

export interface MainComponentOptions extends EmbeddedMainOptions {
  application: Application
  config: AppConfig
  /** Default: it is opened as configured. */
  database?: OpenedDatabase
}

export interface MainComponent {
  /** Where it listens; with port 0 in the configuration, the port it got. */
  readonly url: string
  readonly controller: Controller
  /** Graceful shutdown: stops listening, gives requests in flight some time, closes the database. */
  stop(): Promise<void>
}

const HEADERS_TIMEOUT_MS = 10_000
/** For a body of 1 MiB over a slow line. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * Opens the database, installs or attaches the model, and listens.
 *
 * @throws MainComponentError for what the operator can remedy
 */
export async function startMainComponent({ application, ...options }: MainComponentOptions): Promise<MainComponent> {
  const { logger = createLogger(), config } = options
  const { main } = config.components
  const database = options.database ?? (await openDatabase(main.database, logger))
  let embedded: EmbeddedMain | undefined
  try {
    const serving = await embedMain(application, { ...options, logger })
    embedded = serving
    const system = new DatabaseSystem(database.driver)
    const controller = new Controller({ system, ...serving.model })
    const routes = await database.alone(async () => {
      const done = await installOrAttach(controller, system, main.migrate, logger)
      const made = await serving.routes(controller)
      logger.info({ database: database.kind }, `model ${done}`)
      return made
    })
    const server = createHTTPServer(routes.fetch, {
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    })
    const url = await listen(server, main.host, main.port).catch(orInUse(main))
    return {
      url,
      controller,
      async stop() {
        await serving.stop(() => closeServer(server))
        controller.teardown()
        await database.close()
      },
    }
  } catch (error) {
    await Promise.all([embedded?.stop(), database.close()])
    throw error
  }
}

function orInUse({ host, port }: AppConfig['components']['main']) {
  return (cause: NodeJS.ErrnoException): never => {
    if (cause.code !== 'EADDRINUSE') throw cause
    const message = `Port ${port} of ${host} is in use. Stop what listens there, or set MAIN_LISTEN_PORT to another (0 takes a free one).`
    throw new MainComponentError('PORT_IN_USE', message, false, { cause })
  }
}
