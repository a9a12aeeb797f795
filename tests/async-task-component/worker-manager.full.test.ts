/** Workers on a real Temporal server. Each integration's task queue follows from its folder's name. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { WorkerManager, type WorkerManagerOptions } from '@/async-task-component/worker-manager.js'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import { integrationTaskQueue } from '@/protocol/names.js'
import { eventually } from '../support/eventually.js'
import {
  ALPHA_QUEUE,
  activityContext,
  createTemporalNamespace,
  FIXTURES,
  readableLogger,
  silent,
  temporaryIntegrations,
  uniqueName,
} from './support.js'

const address = inject('temporalAddress')
let namespace: string
let client: Client
let manager: WorkerManager
const folders: string[] = []

function createManager(options: WorkerManagerOptions = {}): void {
  const restart = { first: 100, max: 200 }
  manager = new WorkerManager(address, namespace, { logger: silent, shutdownGraceMs: 500, restart, ...options })
}

beforeEach(async () => {
  const connection = await Connection.connect({ address })
  namespace = await createTemporalNamespace(connection)
  client = new Client({ connection, namespace })
})

afterEach(async () => {
  await manager.disconnect()
  await client.connection.close()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function startAll(integrationsPath: string, names?: string[], requestsPerMinute?: number): Promise<void> {
  const infos = await collectIntegrationWorkflows(integrationsPath)
  await manager.connect()
  const limit = requestsPerMinute === undefined ? {} : { requestsPerMinute }
  manager.createWorkers(
    infos.filter(({ name }) => !names || names.includes(name)).map((info) => ({ ...info, ...limit })),
  )
  await manager.startAll()
}

function execute(taskQueue: string, workflow: string, ...args: unknown[]): Promise<unknown> {
  const workflowId = uniqueName(workflow)
  return client.workflow.execute(workflow, { taskQueue, workflowId, args, workflowExecutionTimeout: '60 seconds' })
}

async function integration(name: string, files: Record<string, string>): Promise<string> {
  const root = await temporaryIntegrations()
  folders.push(root)
  await writeFiles(join(root, name), files)
  return root
}

async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}

describe('WorkerManager', () => {
  it('runs one worker per integration, with activities and the root alias, and stops them together', async () => {
    createManager({ activityContext })
    await startAll(FIXTURES, ['alpha', 'beta'])
    const states = () => manager.statuses().map(({ name, state }) => `${name} ${state}`)
    expect(states()).toEqual(['alpha running', 'beta running'])
    expect(manager.isRunning('integration-alpha-queue')).toBe(true)

    expect(await execute('integration-beta-queue', 'betaWorkflow')).toBe('beta')
    expect(await execute('integration-alpha-queue', 'activityWorkflow')).toEqual([
      `alpha reports to ${activityContext.mainUrl}`,
      'plain',
      'ns:id:key:1',
    ])

    await manager.stopAll()
    expect(manager.isRunning('integration-alpha-queue')).toBe(false)
  })

  it('sends no more requests to the provider than a minute may have; reports to main are not held up', async () => {
    createManager({ activityContext })
    await startAll(FIXTURES, ['alpha'], 120)
    const taken = (await execute(ALPHA_QUEUE, 'requestingWorkflow', 12)) as { provider: number; main: number }
    // Two a second: the last of twelve is sent after five seconds, less what Temporal lets through at once.
    expect(taken.provider).toBeGreaterThan(3000)
    expect(taken.main).toBeLessThan(taken.provider)
  })

  it('reports a worker whose workflows cannot be bundled, and runs the others', async () => {
    const { logger, lines } = readableLogger()
    createManager({ logger, restart: { first: 100, max: 60_000 } })
    await startAll(FIXTURES, ['beta', 'unbundlable'])
    const [beta, unbundlable] = manager.statuses()

    expect(beta?.state).toBe('running')
    expect(unbundlable?.error?.message).toContain('node:fs')
    expect(manager.isRunning('integration-unbundlable-queue')).toBe(false)
    const errors = lines.filter(({ level }) => level === 50)
    // Not soon: each try keeps the others waiting.
    expect(errors).toMatchObject([{ integration: 'unbundlable', retryInMs: 60_000 }])
  })

  it('builds a failed worker again, and runs it once its workflows are mended', async () => {
    const name = uniqueName('mended')
    const root = await integration(name, {
      'workflows/index.ts': "import 'node:fs'\nexport async function late() { return 'late' }\n",
    })
    createManager()
    await startAll(root)
    expect(manager.statuses()[0]?.error).not.toBeNull()

    await writeFiles(join(root, name), { 'workflows/index.ts': "export async function late() { return 'late' }\n" })
    await eventually(() => expect(manager.statuses()[0]?.state).toBe('running'))
    expect(await execute(integrationTaskQueue(name), 'late')).toBe('late')
  })

  it('builds a worker again whose activities could not be loaded at first', async () => {
    const name = uniqueName('activities')
    const root = await integration(name, {
      'workflows/index.ts': 'export async function idle() {}\n',
      'activities/index.ts': "throw new Error('not ready yet')\n",
    })
    createManager()
    await startAll(root)
    expect(manager.statuses()[0]?.error?.message).toContain('not ready yet')

    await writeFiles(join(root, name), { 'activities/index.ts': 'export async function ready() {}\n' })
    await eventually(() => expect(manager.statuses()[0]?.state).toBe('running'))
  })

  it('stops while a worker keeps failing, and starts anew afterwards', async () => {
    createManager({ restart: { first: 60_000, max: 60_000 } })
    await startAll(FIXTURES, ['unbundlable'])
    await manager.stopAll()
    expect(manager.statuses()).toEqual([])

    await startAll(FIXTURES, ['beta'])
    expect(manager.statuses()[0]?.state).toBe('running')
  })

  it('abandons what has not ended when the grace time is over, and still closes', async () => {
    const { logger, lines } = readableLogger()
    createManager({ logger, shutdownGraceMs: 300 })
    await startAll(FIXTURES, ['alpha'])
    const workflowId = uniqueName('stubborn')
    const run = await client.workflow.start('stubbornWorkflow', { taskQueue: 'integration-alpha-queue', workflowId })
    const activityStarted = 2
    await eventually(async () => expect((await run.describe()).raw.pendingActivities?.[0]?.state).toBe(activityStarted))
    await manager.disconnect()

    expect(lines.some(({ level, msg }) => level === 40 && String(msg).includes('did not stop in order'))).toBe(true)
    await run.terminate()
  })

  it('says so when Temporal cannot be reached, and when it was not asked to connect', async () => {
    manager = new WorkerManager('127.0.0.1:9', 'default', { logger: silent })

    await expect(manager.connect()).rejects.toMatchObject({ code: 'temporal_unavailable', retryable: true })
    expect(() => manager.createWorkers([])).toThrow('call connect() first')
  })
})
