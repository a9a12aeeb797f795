/** Temporal servers for tests, each the caller's own: close it by `teardown`. */
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { resolveTemporal, resolveTimeSkippingServer } from './temporal/resolve.js'

/** Time is skipped while a result is awaited and no activity runs. */
export async function createTimeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  const path = await resolveTimeSkippingServer()
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })
}

/** For cancellations: the time-skipping server loses its place when it cancels an activity. */
export async function createRealEnvironment(): Promise<TestWorkflowEnvironment> {
  const temporal = await resolveTemporal()
  if ('address' in temporal) return TestWorkflowEnvironment.createFromExistingServer({ address: temporal.address })
  const executable = { type: 'existing-path', path: temporal.executable } as const
  return TestWorkflowEnvironment.createLocal({
    server: { executable, extraArgs: ['--output', 'none'], log: { format: 'pretty', level: 'error' } },
  })
}
