/** The main component: owns the database, and serves the application's model over HTTP. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Controller } from 'interaqt'
import type { Logger } from 'pino'
import { createArtifactStore } from '../artifacts/index.js'
import * as backend from '../backend/index.js'
import type { AppConfig } from '../config.js'
import { manyListeners } from '../lib/abort.js'
import { createHTTPServer } from '../lib/http-server.js'
import { Admission } from './admission.js'
import { createApplication, type RunAccess } from './application.js'
import { createAuthentication } from './authentication.js'
import { type OpenedDatabase, openDatabase } from './database.js'
import { MainComponentError } from './errors.js'
import { createHTTPApp } from './http-app.js'
import { installOrAttach } from './model.js'
import { keepRemoving } from './retention.js'
import { TemporalRuns } from './temporal-runs.js'

export interface MainComponentOptions {
  config: AppConfig
  /** Accepted for the internal APIs; during a rotation the new one and the previous one. */
  internalTokens: readonly string[]
  logger: Logger
}

export interface MainComponent {
  /** Where it listens; with port 0 in the configuration, the port it got. */
  readonly url: string
  readonly controller: Controller
  /** Graceful shutdown: stops listening, gives requests in flight some time, closes the database. */
  stop(): Promise<void>
}

const STOP_GRACE_MS = 5_000
const HEADERS_TIMEOUT_MS = 10_000
/** For a body of 1 MiB over a slow line. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * Opens the database, installs or attaches the model, and listens.
 *
 * @throws MainComponentError for what the operator can remedy
 */
export async function startMainComponent({
  config,
  internalTokens,
  logger,
}: MainComponentOptions): Promise<MainComponent> {
  const { main, artifacts } = config.components
  const database = openDatabase(main.database, logger)
  const runs = new TemporalRuns(config.components.asyncTask.temporal)
  try {
    const application = await boot(config, { handles: runs, callbackSecrets: internalTokens }, database, logger)
    const stopping = new AbortController()
    // Every request in flight listens, and stops listening when it is over.
    manyListeners(stopping.signal)
    const app = createHTTPApp({
      ...application,
      stopping: stopping.signal,
      authentication: createAuthentication({ auth: main.auth, internalTokens, operatorToken: main.operatorToken }),
      admission: new Admission(main.load),
      artifacts,
      url: main.publicUrl ?? main.url,
      logger,
    })
    const server = createHTTPServer(app.fetch, {
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    })
    const url = await listen(server, main.host, main.port)
    const { retention } = main
    const store = createArtifactStore(artifacts, main.publicUrl ?? main.url)
    const removeArtifact = store.remove
    const removing = keepRemoving({ ...application, retention, removeArtifact, logger, stopping: stopping.signal })
    return {
      url,
      controller: application.controller,
      async stop() {
        stopping.abort()
        await Promise.all([close(server), removing])
        application.controller.teardown()
        await Promise.all([database.close(), runs.close()])
      },
    }
  } catch (error) {
    await Promise.all([database.close(), runs.close()])
    throw error
  }
}

async function boot(config: AppConfig, runs: RunAccess, database: OpenedDatabase, logger: Logger) {
  const { controller, system, integrations, setUp } = await createApplication(config, database, logger, runs)
  await database.alone(async () => {
    const done = await installOrAttach(controller, system, config.components.main.migrate, logger)
    await setUp()
    logger.info({ database: database.kind }, `model ${done}`)
  })
  const middlewares = [...backend.middlewares, ...integrations.createMiddlewares()]
  if (config.components.main.auth.mode === 'application' && middlewares.length === 0) throw noMiddleware()
  return { controller, integrations, apis: integrations.createAPIs(), middlewares }
}

function noMiddleware(): MainComponentError {
  const message =
    'components.main.auth.mode is application, and there is no middleware that could set the user. Add one to middlewares in backend/index.ts, or choose another mode with AUTH_MODE.'
  return new MainComponentError('NO_AUTHENTICATION', message, false)
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    const message = `Port ${port} of ${host} is in use. Stop what listens there, or set MAIN_LISTEN_PORT to another (0 takes a free one).`
    throw new MainComponentError('PORT_IN_USE', message, false, { cause })
  }
  const { port: found } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${found}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // A keep-alive connection becomes idle only once its request is answered.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const force = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS)
  await closed
  clearInterval(idle)
  clearTimeout(force)
}
