import type { TestProject } from 'vitest/node'
import { resolveTimeSkippingServer } from '../../testing/temporal/resolve.js'
import { startTemporalServer } from '../../tools/temporal/server.js'
import { startRunServices } from './run-services.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A real Temporal server that the whole run shares: use task queues and workflow ids of your own. */
    temporalAddress: string
    /** For `TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })`. */
    timeSkippingServerPath: string
    /** Where `shared.ts` asks. */
    runServices: string
  }
}

/** One Temporal server and one of what else is shared for the run; gone when the run ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const timeSkippingServerPath = await resolveTimeSkippingServer()
  const [server, services] = await Promise.all([startTemporalServer({ headless: true }), startRunServices()])
  project.provide('temporalAddress', server.address)
  project.provide('timeSkippingServerPath', timeSkippingServerPath)
  project.provide('runServices', services.url)
  return async () => {
    await Promise.all([server.stop(), services.stop()])
  }
}
