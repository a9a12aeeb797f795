/** The async-task component as a process: reads the configuration, runs the component, handles signals. */
import { dirname, join } from 'node:path'
import type { Application } from '../application/define.js'
import { applicationPullModes } from '../application/pulls.js'
import { createArtifactStore } from '../artifacts/index.js'
import { internalToken } from '../config/development-token.js'
import { debugOnSignal } from '../lib/log-level.js'
import { createRedactor, type Redact, secretsOf } from '../lib/redaction.js'
import { startTracing } from '../lib/start-tracing.js'
import { stopOnSignals } from '../lib/stop-on-signals.js'
import { createProviderPauses } from '../provider-kit/provider/pauses.js'
import { BundleCache } from './bundle-cache.js'
import { describeError } from './errors.js'
import { AsyncTaskComponent } from './index.js'
import { createLogger, installTemporalRuntime } from './logger.js'
import { collectIntegrationWorkflows } from './workflow-collector.js'

// No secrets are known until the configuration is read.
let redact: Redact = (line) => line
const logger = createLogger((line) => redact(line))

/** Runs an application's daemon until a signal ends the process. */
export async function runAsyncTask(application: Application): Promise<void> {
  debugOnSignal(logger)
  try {
    const config = application.loadConfig({ component: 'asyncTask' })
    const { mode, components, integrations } = config
    const internalApiToken = internalToken(mode, components.asyncTask.internalApiToken)
    redact = createRedactor([internalApiToken, ...secretsOf({ components, integrations })])
    const tracing = await startTracing({ serviceName: 'async-task-daemon', redact: (text) => redact(text), logger })
    const { health, metrics } = components.asyncTask
    const { temporalPort } = metrics
    installTemporalRuntime(logger, temporalPort === undefined ? undefined : `${health.host}:${temporalPort}`)

    const component = new AsyncTaskComponent({
      config: { ...components.asyncTask, internalApiToken },
      integrations: applicationPullModes(application, config),
      activityContext: {
        mainUrl: components.main.url,
        internalToken: internalApiToken,
        artifacts: createArtifactStore(components.artifacts, components.main.publicUrl ?? components.main.url),
        integrations,
        providerPauses: createProviderPauses(),
        logger,
      },
      integrationsPath: application.integrationsPath,
      bundlesFolder: bundlesFolderOf(application),
      onFatal: (error) => component.stop().finally(() => fail(error)),
      logger,
    })
    stopOnSignals((signal) => {
      logger.info({ signal }, 'stopping')
      component
        .stop()
        .then(() => tracing?.stop())
        .then(() => process.exit(0), fail)
    })
    await component.start()
    if ((await component.ready()) && process.connected) process.send?.({ type: 'ready' })
  } catch (error) {
    fail(error)
  }
}

type Folder = Pick<Application, 'integrationsPath'>

/** Bundles an application's workflows, so that its daemon starts without a bundler. */
export async function bundleAll({ integrationsPath }: Folder): Promise<void> {
  const bundles = new BundleCache(bundlesFolderOf({ integrationsPath }))
  for (const { name, workflowsPath } of await collectIntegrationWorkflows(integrationsPath)) {
    const bundle = () => bundles.bundle(name, workflowsPath)
    await bundle()
    if (!('codePath' in (await bundle()))) throw new Error(`The bundle of ${name} was not kept`)
  }
}

/** Beside the integrations' folder: of a build they move with it. */
function bundlesFolderOf({ integrationsPath }: Folder): string {
  return join(dirname(integrationsPath), '.cache', 'workflow-bundles')
}

function fail(error: unknown): never {
  logger.fatal({ err: error }, `cannot run: ${describeError(error)}`)
  process.exit(1)
}
