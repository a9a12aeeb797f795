/** Main within an application's own process: it adds to the application's model, and serves on its HTTP server. */
import { randomUUID } from 'node:crypto'
import type { Hono } from 'hono'
import type { Controller, ControllerOptions } from 'interaqt'
import type { Logger } from 'pino'
import type { Application } from '../application/define.js'
import { createArtifactStore } from '../artifacts/index.js'
import { internalToken } from '../config/development-token.js'
import type { AppConfig } from '../config/schema.js'
import { manyListeners } from '../lib/abort.js'
import type { ServedMetrics } from '../lib/metrics.js'
import { traceTasks } from '../tasks/claim-spans.js'
import { countDaemons, listDaemons } from '../tasks/daemon-rows.js'
import { daemonsOf } from '../tasks/daemons.js'
import { databaseOf } from '../tasks/database/sql.js'
import { createOperatorsAPIs, type OperatedTasks } from '../tasks/operators/index.js'
import { readSpendNumbers } from '../tasks/spend.js'
import { readTaskNumbers } from '../tasks/task-numbers.js'
import { Admission } from './admission.js'
import type { AppEnv } from './app-env.js'
import { createModel } from './application.js'
import { createAuthentication } from './authentication.js'
import { ConsoleSessions } from './console/sessions.js'
import { type CountedNumbers, countMetrics } from './count-metrics.js'
import { MainComponentError } from './errors.js'
import { createHTTPApp } from './http-app.js'
import { createLogLevelAPIs } from './log-level-apis.js'
import { createLogger } from './logger.js'
import { keepRemoving } from './retention.js'
import { TemporalRuns } from './temporal-runs.js'
import { keepDelivering } from './webhooks.js'

export interface EmbeddedMainOptions {
  /** Default: what the application reads in the working directory. */
  config?: AppConfig
  /** Accepted for the internal APIs; during a rotation the new one and the previous one. Default: as configured. */
  internalTokens?: readonly string[]
  /** Default: JSON lines on stdout. */
  logger?: Logger
}

export interface EmbeddedMain {
  /** The application's model with all that its integrations add: `new Controller({ system, ...main.model })`. */
  readonly model: Omit<ControllerOptions, 'system'>
  /**
   * Makes the routes, and what the database needs beside the model. Call it once the Controller is set up, and one
   * process at a time. Mount the result last: `app.mount('/', routes.fetch)`.
   */
  routes(controller: Controller): Promise<Hono<AppEnv>>
  /**
   * Graceful shutdown: has parked requests answer, waits for `closeServer`, and closes what main opened. The database
   * is closed after that.
   */
  stop(closeServer?: () => Promise<unknown>): Promise<void>
}

/** @throws ConfigError, MainComponentError */
export async function embedMain(application: Application, options: EmbeddedMainOptions = {}): Promise<EmbeddedMain> {
  const { config = application.loadConfig({ component: 'main' }), logger = createLogger() } = options
  const { internalTokens = internalTokensOf(config) } = options
  const { main, artifacts, asyncTask } = config.components
  const runs = new TemporalRuns(asyncTask.temporal)
  const access = { handles: runs, callbackSecrets: internalTokens }
  const { model, integrations, middlewares, setUp } = await createModel(application, config, logger, access)
  if (main.auth.mode === 'application' && middlewares.length === 0) throw noMiddleware()
  const stopping = new AbortController()
  // Every request in flight listens, and stops listening when it is over.
  manyListeners(stopping.signal)
  let atWork: Promise<void>[] = []
  let metrics: ServedMetrics | undefined
  let endTraces: (() => void) | undefined
  const deadLoops = new Set<string>()
  const watched = (loop: string, running: Promise<void>) =>
    running.catch((error: unknown) => {
      deadLoops.add(loop)
      logger.error({ loop, err: error }, 'a loop of main has died')
    })
  return {
    model,
    async routes(controller) {
      await setUp(controller)
      const url = main.publicUrl ?? main.url
      const removeArtifact = createArtifactStore(artifacts, url).remove
      const { retention, webhooks } = main
      const shared = { controller, integrations, logger, stopping: stopping.signal }
      const operators = {
        operated: () => integrations.getIntegrations().flatMap(({ integration }) => integration.operated?.() ?? []),
        temporalUiUrl: main.temporalUiUrl,
        temporalNamespace: asyncTask.temporal.namespace,
      }
      atWork = [
        watched('retention', keepRemoving({ ...shared, retention, removeArtifact })),
        watched('webhooks', keepDelivering({ ...shared, webhooks })),
        watched('daemons', daemonsOf(controller).keepWriting(shared)),
      ]
      metrics = countMetrics({
        logger,
        database: databaseOf(controller),
        readNumbers: () => readNumbers(controller, operators.operated()),
      })
      endTraces = traceTasks()
      const tokens = { internalTokens, operatorToken: main.operatorToken, metrics: main.metrics }
      const authentication = createAuthentication({ auth: main.auth, ...tokens })
      return createHTTPApp({
        controller,
        apis: [...integrations.createAPIs(), ...createOperatorsAPIs(operators), ...createLogLevelAPIs(logger)],
        middlewares,
        stopping: stopping.signal,
        authentication,
        // Without a token for operators, the daemons' opens their APIs.
        sessions: new ConsoleSessions(main.operatorToken ?? internalTokens[0] ?? randomUUID()),
        metrics,
        deadLoops,
        admission: new Admission(main.load),
        artifacts,
        url,
        logger,
      })
    },
    async stop(closeServer) {
      stopping.abort()
      metrics?.stop()
      endTraces?.()
      await Promise.all([closeServer?.(), ...atWork])
      await runs.close()
    },
  }
}

async function readNumbers(controller: Controller, operated: OperatedTasks[]) {
  const found: CountedNumbers = []
  const daemonsOfCall = countDaemons(await listDaemons(controller))
  // One after another: a scrape takes one connection at most.
  for (const { namespace, store } of operated) {
    const { prices } = store.rules.policy
    const spend = prices && (await readSpendNumbers(store, prices))
    const daemons = daemonsOfCall(store.names.apiCall)
    found.push([namespace, { ...(await readTaskNumbers(store)), spend, daemons }])
  }
  return found
}

/** What the configuration says, and where it says nothing, what this machine's processes share. */
function internalTokensOf({ mode, components: { main } }: AppConfig): string[] {
  return [internalToken(mode, main.internalApiToken), main.previousInternalApiToken].filter(
    (token) => token !== undefined,
  )
}

function noMiddleware(): MainComponentError {
  const message =
    'components.main.auth.mode is application, and there is no middleware that could set the user. Add one to middlewares of the application’s model (in this repository backend/index.ts), or choose another mode with AUTH_MODE.'
  return new MainComponentError('NO_AUTHENTICATION', message, false)
}
