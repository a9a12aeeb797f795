/** The async-task component's parts together, on a real Temporal server, with no main component. */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Client, Connection, WorkflowFailedError } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { IntegrationWorkflowInfo } from '@/async-task-component/types.js'
import { WorkerManager } from '@/async-task-component/worker-manager.js'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import '@/testing/quiet-temporal.js'

const INTEGRATIONS = fileURLToPath(new URL('../integrations', import.meta.url))
const address = inject('temporalAddress')

let infos: IntegrationWorkflowInfo[]
let manager: WorkerManager
let connection: Connection
let client: Client

beforeAll(async () => {
  infos = await collectIntegrationWorkflows(INTEGRATIONS)
  manager = new WorkerManager(address, 'default')
  await manager.connect()
  manager.createWorkers(infos)
  await manager.startAll()
  connection = await Connection.connect({ address })
  client = new Client({ connection })
})

afterAll(async () => {
  await manager?.disconnect()
  await connection?.close()
})

function start(workflow: string, input: object) {
  return client.workflow.start(workflow, {
    taskQueue: 'integration-test-async-task-queue',
    workflowId: `component-${workflow}-${randomUUID()}`,
    workflowExecutionTimeout: '60 seconds',
    args: [input],
  })
}

test('each integration has a running worker on its own queue', () => {
  const running = manager.statuses().map(({ taskQueue, state }) => ({ [taskQueue]: state }))
  expect(Object.assign({}, ...running)).toMatchObject({
    'integration-fangzhouvideogeneration-queue': 'running',
    'integration-nanobanana2imagegeneration-queue': 'running',
    'integration-test-async-task-queue': 'running',
  })
})

describe('the test workflows', () => {
  test.each([
    ['simpleTestWorkflow', { message: 'a' }, { success: true, message: 'a', steps: ['process'] }],
    ['delayedTestWorkflow', { delayMs: 50 }, { success: true, steps: ['process'] }],
    ['multiStepTestWorkflow', { steps: ['x', 'y'], failures: 1 }, { success: true, steps: ['x', 'y'] }],
  ])('%s completes', async (workflow, input, result) => {
    const handle = await start(workflow, input)
    expect(await handle.result()).toEqual(result)
  })

  test('longRunningTestWorkflow can be cancelled while its activity runs', async () => {
    const handle = await start('longRunningTestWorkflow', { durationMs: 3_600_000 })
    await expect.poll(async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastHeartbeatTime).toBeTruthy()
    await handle.cancel()
    const error = await handle.result().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(WorkflowFailedError)
    expect((error as WorkflowFailedError).cause?.name).toBe('CancelledFailure')
  })
})
