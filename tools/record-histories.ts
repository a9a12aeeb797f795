/**
 * Records the histories that `tests/workflows/replay.test.ts` replays: `npm run record:histories`, or with parts of
 * names, as `-- fangzhouVideoGeneration/completed`, only those.
 */
import { hostname } from 'node:os'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { integrationTaskQueue, providerTaskQueue } from '../protocol/names.js'
import { resolveTimeSkippingServer } from '../testing/temporal/resolve.js'
import { startRunServices } from '../tests/support/run-services.js'
import { useRunServices } from '../tests/support/shared.js'
import { toStored, writeHistory } from '../tests/workflows/history-files.js'
import { CONTINUE_AFTER_EVENTS, RECORDED_PATHS, type Recorder } from '../tests/workflows/recorded-paths.js'
import { startTemporalServer } from './temporal/server.js'

const wanted = process.argv.slice(2)
const paths = RECORDED_PATHS.filter(
  ({ names }) => wanted.length === 0 || names.some((name) => wanted.some((part) => name.includes(part))),
)

const keep: Recorder['keep'] = async (name, { taskQueue, main }, handle) => {
  const lasting = integrationTaskQueue(name.split('/')[0] ?? '')
  const stored = toStored(handle.workflowId, await handle.fetchHistory(), [
    [providerTaskQueue(taskQueue), providerTaskQueue(lasting)],
    [taskQueue, lasting],
    [main.url, 'http://main.example'],
    [`${process.pid}@${hostname()}`, 'recorder'],
  ])
  await writeHistory(name, stored)
  process.stdout.write(`${name}: ${stored.events.length} events\n`)
}

const server = await startTemporalServer({
  headless: true,
  dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': CONTINUE_AFTER_EVENTS },
  // Its settings are the recorder's own.
  env: { ...process.env, TEMPORAL_ADDRESS: undefined },
})
const services = await startRunServices()
useRunServices(services.url)
const real = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address })
const path = await resolveTimeSkippingServer()
const skipping = await TestWorkflowEnvironment.createTimeSkipping({
  server: { executable: { type: 'existing-path', path } },
})
try {
  for (const each of paths) await each.record({ skipping, real, keep })
} finally {
  await Promise.all([real.teardown(), skipping.teardown()])
  await Promise.all([server.stop(), services.stop()])
}
