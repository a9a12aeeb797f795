import type { TestProject } from 'vitest/node'
import { resolveTimeSkippingServer } from '../../scripts/temporal/resolve.js'
import { startTemporalServer } from '../../scripts/temporal/server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A real Temporal server that the whole run shares: use task queues and workflow ids of your own. */
    temporalAddress: string
    /** For `TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })`. */
    timeSkippingServerPath: string
  }
}

/** One Temporal server for the run; gone when the run ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const timeSkippingServerPath = await resolveTimeSkippingServer()
  const server = await startTemporalServer({ headless: true })
  project.provide('temporalAddress', server.address)
  project.provide('timeSkippingServerPath', timeSkippingServerPath)
  return () => server.stop()
}
