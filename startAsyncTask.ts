/** The async-task component's entry point: reads the configuration, runs the component, handles signals. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createArtifactStore } from './artifacts/index.js'
import { describeError } from './async-task-component/errors.js'
import { AsyncTaskComponent } from './async-task-component/index.js'
import { createLogger, installTemporalRuntime } from './async-task-component/logger.js'
import { internalToken } from './config/development-token.js'
import { loadConfig } from './config/load.js'
import { applicationPullModes } from './integrations/entries/pulls.js'
import { createRedactor, type Redact, secretsOf } from './lib/redaction.js'
import { stopOnSignals } from './lib/stop-on-signals.js'
import { createProviderPauses } from './provider-kit/provider/pauses.js'

const here = dirname(fileURLToPath(import.meta.url))

// No secrets are known until the configuration is read.
let redact: Redact = (line) => line
const logger = createLogger((line) => redact(line))

try {
  const config = loadConfig({ component: 'asyncTask' })
  const { mode, components, integrations } = config
  const internalApiToken = internalToken(mode, components.asyncTask.internalApiToken)
  redact = createRedactor([internalApiToken, ...secretsOf({ components, integrations })])
  installTemporalRuntime(logger)

  const component = new AsyncTaskComponent({
    config: { ...components.asyncTask, internalApiToken },
    integrations: applicationPullModes(config),
    activityContext: {
      mainUrl: components.main.url,
      internalToken: internalApiToken,
      artifacts: createArtifactStore(components.artifacts, components.main.publicUrl ?? components.main.url),
      integrations,
      providerPauses: createProviderPauses(),
      logger,
    },
    integrationsPath: join(here, 'integrations'),
    bundlesFolder: join(here, '.cache', 'workflow-bundles'),
    onFatal: (error) => component.stop().finally(() => fail(error)),
    logger,
  })
  stopOnSignals((signal) => {
    logger.info({ signal }, 'stopping')
    component.stop().then(() => process.exit(0), fail)
  })
  await component.start()
  if ((await component.ready()) && process.connected) process.send?.({ type: 'ready' })
} catch (error) {
  fail(error)
}

function fail(error: unknown): never {
  logger.fatal({ err: error }, `cannot run: ${describeError(error)}`)
  process.exit(1)
}
