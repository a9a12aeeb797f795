/** Imported for what it does: workers of these tests fail on purpose, and would fill the report with it. */
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker'

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }) } },
})
