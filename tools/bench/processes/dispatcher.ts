/** The daemon's task processor alone, as configured, for the test tasks: their workflows are started, and wait. */

import { applicationPullModes } from '../../../application/pulls.js'
import { application } from '../../../application.js'
import { createLogger } from '../../../async-task-component/logger.js'
import { TaskProcessor } from '../../../async-task-component/task-processor.js'
import { internalToken } from '../../../config/development-token.js'
import { loadConfig } from '../../../config/load.js'
import { startTracing } from '../../../lib/start-tracing.js'
import { temporalTarget } from '../../../lib/temporal-client.js'

await startTracing({ serviceName: 'dispatcher', redact: (text) => text, logger: createLogger() })
const config = loadConfig({ component: 'asyncTask' })
const { asyncTask } = config.components
const { address, namespace, security } = temporalTarget(asyncTask.temporal)
const processor = new TaskProcessor({
  instanceId: `bench:${process.pid}`,
  ...asyncTask.pullMode,
  temporalAddress: address,
  temporalNamespace: namespace,
  temporalSecurity: security,
  internalToken: internalToken(config.mode, asyncTask.internalApiToken),
  isWorkerRunning: () => true,
})
await processor.start(
  applicationPullModes(application, config).flatMap(({ namespace: name, integration }) => {
    const pull = integration.getPullModeConfig?.()
    return name === 'testAsyncTask' && pull ? [{ namespace: name, config: pull }] : []
  }),
)
process.once('SIGTERM', () => void processor.stop().then(() => process.exit(0)))
process.send?.({ type: 'ready' })
