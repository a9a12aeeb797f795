import { mkdtemp } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { type Logger, pino } from 'pino'
import { expect } from 'vitest'
import { createArtifactStore } from '@/artifacts/index.js'
import { TaskProcessor, type TaskProcessorConfig } from '@/async-task-component/task-processor.js'
import { WorkerManager } from '@/async-task-component/worker-manager.js'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import { loadConfig } from '@/config/load.js'
import type { ActivityContext } from '@/provider-kit/activity-context.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { TEST_TOKEN } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
import '@/testing/quiet-temporal.js'

export const FIXTURES = fileURLToPath(new URL('fixtures/integrations', import.meta.url))

export const silent: Logger = pino({ level: 'silent' })

/** A logger whose lines a test can read and await. */
export function readableLogger(): { logger: Logger; lines: Array<Record<string, unknown>>; text: () => string } {
  const lines: Array<Record<string, unknown>> = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { logger, lines, text: () => lines.map((line) => JSON.stringify(line)).join('\n') }
}

export const activityContext: ActivityContext = {
  mainUrl: 'http://127.0.0.1:9',
  internalToken: TEST_TOKEN,
  artifacts: createArtifactStore({ dir: '.data/test-artifacts' }, 'http://127.0.0.1:9'),
  integrations: loadConfig({ env: {} }).integrations,
  providerPauses: createProviderPauses(),
  logger: silent,
}

export function createProcessor(temporalAddress: string, overrides: Partial<TaskProcessorConfig> = {}): TaskProcessor {
  return new TaskProcessor({
    instanceId: `test-${crypto.randomUUID()}`,
    pollIntervalMs: 20,
    maxPollIntervalMs: 50,
    batchSize: 10,
    waitSeconds: 0,
    temporalAddress,
    temporalNamespace: 'default',
    internalToken: TEST_TOKEN,
    logger: silent,
    ...overrides,
  })
}

/** The task queue of the fixture `alpha`. */
export const ALPHA_QUEUE = 'integration-alpha-queue'

/** Workers of these fixtures, in a Temporal namespace of their own; that of `alpha` runs. */
export async function startWorkers(
  address: string,
  names: string[],
): Promise<{ workers: WorkerManager; client: Client; temporalNamespace: string; stop(): Promise<void> }> {
  const connection = await Connection.connect({ address })
  const temporalNamespace = await createTemporalNamespace(connection)
  const workers = await startFixtureWorkers(address, temporalNamespace, names)
  await eventually(() => expect(workers.isRunning(ALPHA_QUEUE)).toBe(true))
  return {
    workers,
    client: new Client({ connection, namespace: temporalNamespace }),
    temporalNamespace,
    async stop() {
      await workers.disconnect()
      await connection.close()
    },
  }
}

/** Workers of these fixtures, running or failing. */
export async function startFixtureWorkers(
  address: string,
  temporalNamespace: string,
  names: string[],
): Promise<WorkerManager> {
  const restart = { first: 200, max: 1000 }
  const workers = new WorkerManager(address, temporalNamespace, { logger: silent, shutdownGraceMs: 2000, restart })
  const infos = await collectIntegrationWorkflows(FIXTURES)
  await workers.connect()
  workers.createWorkers(infos.filter(({ name }) => names.includes(name)))
  await workers.startAll()
  return workers
}

/** A fresh folder for integrations written by a test, from where the repository's packages resolve. */
export function temporaryIntegrations(): Promise<string> {
  return mkdtemp(fileURLToPath(new URL('.temporary-', import.meta.url)))
}

/** How many tasks Temporal says are waiting in a task queue: approximately, and some seconds late. */
export async function backlogOf(client: Client, taskQueue: string, type: 'workflows' | 'activities'): Promise<number> {
  const { stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: type === 'workflows' ? 1 : 2,
    reportStats: true,
  })
  return Number(stats?.approximateBacklogCount ?? 0)
}

/** Names that no other test on the shared server uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 8)}`
}

/**
 * A Temporal namespace of a test's own: the fixtures' task queues have fixed names, and workers of two tests
 * would take each other's tasks.
 */
export async function createTemporalNamespace(connection: Connection): Promise<string> {
  const namespace = uniqueName('namespace')
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  })
  return namespace
}
