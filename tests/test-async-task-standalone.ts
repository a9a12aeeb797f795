/**
 * `npm run test:async-task`: checks the async-task component by itself, with no main and no database: does it find
 * the integrations, reach Temporal, and run workflows? Prints a summary; the exit code tells whether all is well.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { WorkerManager } from '@/async-task-component/worker-manager.js'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import { config } from '@/config.js'
import { startTemporalServer } from '@/tools/temporal/server.js'

const INTEGRATIONS = fileURLToPath(new URL('../integrations', import.meta.url))
const QUEUE = 'integration-test-async-task-queue'
const WORKFLOW_TIMEOUT = '60 seconds'

const server = await startTemporalServer({ headless: true })
const { namespace } = config.components.asyncTask.temporal
const manager = new WorkerManager(server.address, namespace)
const connection = Connection.lazy({ address: server.address })
const client = new Client({ connection, namespace })

const checks: Array<[name: string, check: () => Promise<string>]> = [
  ['collector finds the integrations', collectorFinds],
  ['collector skips what is blacklisted', collectorSkips],
  ['workers connect to Temporal and run', workersRun],
  ['simpleTestWorkflow completes', () => workflowCompletes('simpleTestWorkflow', ['process'])],
  [
    'multiStepTestWorkflow completes',
    () => workflowCompletes('multiStepTestWorkflow', ['prepare', 'process', 'finish']),
  ],
]

let passed = 0
try {
  for (const [name, check] of checks) {
    try {
      console.log(`ok      ${name}: ${await check()}`)
      passed++
    } catch (error) {
      console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
} finally {
  await manager.disconnect()
  await connection.close()
  await server.stop()
}
console.log(`\n${passed} passed, ${checks.length - passed} failed`)
process.exit(passed === checks.length ? 0 : 1)

async function collectorFinds(): Promise<string> {
  const names = (await collectIntegrationWorkflows(INTEGRATIONS)).map(({ name }) => name)
  assert.deepEqual(names, ['fangzhouVideoGeneration', 'nanobanana2ImageGeneration', 'test-async-task'])
  return names.join(', ')
}

async function collectorSkips(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'integrations-'))
  try {
    for (const name of ['example_copy', 'kafka.old', 'docs', 'kept']) {
      mkdirSync(join(folder, name, 'workflows'), { recursive: true })
      writeFileSync(join(folder, name, 'workflows', 'index.ts'), 'export async function noWorkflow() {}\n')
    }
    const names = (await collectIntegrationWorkflows(folder, ['example_', 'kafka.old', 'docs'])).map(({ name }) => name)
    assert.deepEqual(names, ['kept'])
    return 'example_copy, kafka.old and docs were left out'
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function workersRun(): Promise<string> {
  const infos = await collectIntegrationWorkflows(INTEGRATIONS)
  await manager.connect()
  manager.createWorkers(infos.filter(({ taskQueue }) => taskQueue === QUEUE))
  await manager.startAll()
  const [status] = manager.statuses()
  assert.equal(status?.state, 'running', status?.error?.message)
  return `${QUEUE} at ${server.address}`
}

async function workflowCompletes(workflow: string, steps: string[]): Promise<string> {
  const message = `hello ${workflow}`
  const result = await client.workflow.execute(workflow, {
    taskQueue: QUEUE,
    workflowId: `standalone-${workflow}-${randomUUID()}`,
    workflowExecutionTimeout: WORKFLOW_TIMEOUT,
    args: [{ message }],
  })
  assert.deepEqual(result, { success: true, message, steps })
  return JSON.stringify(result)
}
