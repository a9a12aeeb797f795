/** The component as a whole, in this process: what it refuses to start with, and what it can start without. */
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { AsyncTaskComponent, type AsyncTaskComponentOptions } from '@/async-task-component/index.js'
import { loadConfig } from '@/config/load.js'
import type { PullModeConfig } from '@/integrations/index.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain, TEST_TOKEN } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { activityContext, createTemporalNamespace, FIXTURES, readableLogger, uniqueName } from './support.js'

let main: ProtocolMain
let temporal: TcpProxy
let connection: Connection
let temporalNamespace: string
let component: AsyncTaskComponent | null
let lines: ReturnType<typeof readableLogger>['lines']
let logger: ReturnType<typeof readableLogger>['logger']

beforeEach(async () => {
  vi.stubEnv('TEMPORAL_ADDRESS', undefined)
  vi.stubEnv('TEMPORAL_NAMESPACE', undefined)
  main = await ProtocolMain.start()
  temporal = await TcpProxy.to(inject('temporalAddress'))
  connection = await Connection.connect({ address: inject('temporalAddress') })
  temporalNamespace = await createTemporalNamespace(connection)
  component = null
  ;({ lines, logger } = readableLogger())
})

afterEach(async () => {
  await component?.stop()
  await connection.close()
  await temporal.close()
  await main.stop()
  vi.unstubAllEnvs()
})

function create(namespace: string, overrides: Partial<PullModeConfig>): AsyncTaskComponent {
  const { asyncTask } = loadConfig({ env: {} }).components
  const { config } = main.config(namespace, overrides)
  const options: AsyncTaskComponentOptions = {
    config: {
      ...asyncTask,
      temporal: { address: temporal.address, namespace: temporalNamespace },
      pullMode: { ...asyncTask.pullMode, pollIntervalMs: 50, maxPollIntervalMs: 100 },
      shutdownGraceMs: 500,
      internalApiToken: TEST_TOKEN,
    },
    integrations: [
      { namespace, integration: { getPullModeConfig: () => config } },
      { namespace: 'not-pulled', integration: { getPullModeConfig: () => null } },
      { namespace: 'pushed', integration: {} },
    ],
    activityContext,
    integrationsPath: FIXTURES,
    logger,
  }
  component = new AsyncTaskComponent(options)
  return component
}

function resultOf(namespace: string, taskId: string): Promise<unknown> {
  const { workflow } = new Client({ connection, namespace: temporalNamespace })
  const handle = workflow.getHandle(attemptWorkflowId(namespace, taskId, `key-${taskId}`, 1))
  return eventually(() => handle.result())
}

describe('AsyncTaskComponent', () => {
  it('names the integration whose workflow does not exist', async () => {
    const starting = create('video', { taskQueue: 'integration-alpha-queue', workflowName: 'misspeltWorkflow' }).start()

    await expect(starting).rejects.toMatchObject({ code: 'configuration', retryable: false })
    await expect(starting).rejects.toThrow(/Integration video: its workflow misspeltWorkflow .* quickWorkflow/)
  })

  it('names the integration whose task queue no worker serves', async () => {
    const starting = create('video', { taskQueue: 'integration-nowhere-queue' }).start()

    await expect(starting).rejects.toThrow(
      /Integration video: no worker serves its task queue integration-nowhere-queue/,
    )
  })

  it('warns of a grace time in which a request to the provider may not end, and how to mend that', async () => {
    await create('image', { taskQueue: 'integration-alpha-queue', requestTimeoutMs: 401 }).start()

    const warnings = lines.filter(({ level }) => level === 40)
    expect(warnings).toMatchObject([{ integration: 'image', requestTimeoutMs: 401, shutdownGraceMs: 500 }])
    expect(warnings[0]?.msg).toContain('set shutdownGraceMs to 502 or more')
  })

  it('does not warn of a grace time that has room for the longest request', async () => {
    await create('image', { taskQueue: 'integration-alpha-queue', requestTimeoutMs: 400 }).start()

    expect(lines.filter(({ level }) => level === 40)).toEqual([])
  })

  it('leaves a disabled integration out', async () => {
    await create('video', { taskQueue: 'integration-nowhere-queue', enabled: false }).start()

    expect(await component?.ready()).toBe(true)
    expect(main.seen).toEqual([])
  })

  it('starts without Temporal, claims nothing, and serves once Temporal is there', async () => {
    temporal.cut()
    const namespace = uniqueName('patient')
    main.add(namespace, 'task-1')
    const starting = create(namespace, { taskQueue: 'integration-alpha-queue', workflowName: 'quickWorkflow' })
    await starting.start()
    await eventually(() =>
      expect(starting.status()).toMatchObject({ workers: [], loops: [{ namespace, closedBy: 'worker_not_running' }] }),
    )
    expect(main.task('task-1').state.status).toBe('pending')

    temporal.mend()
    expect(await starting.ready()).toBe(true)
    expect(starting.status().workers).toMatchObject([
      { name: 'alpha', state: 'running', error: null },
      { name: 'beta', state: 'running', error: null },
      { name: 'unbundlable', error: { code: 'workflow_bundle' } },
    ])
    await main.until(() => main.task('task-1').state.status === 'queued')
    expect(await resultOf(namespace, 'task-1')).toMatchObject({ outcome: 'completed' })
  })

  it('serves again after Temporal was away, with the same workers', async () => {
    const namespace = uniqueName('again')
    await create(namespace, { taskQueue: 'integration-alpha-queue', workflowName: 'quickWorkflow' }).start()
    await component?.ready()
    await main.until(() => main.fetches(namespace) > 0)
    await eventually(() => expect(main.seen.at(-1)?.waitSeconds).toBeGreaterThan(0))
    temporal.cut()
    // At once, although main holds a request.
    await eventually(() => expect(lines.some(({ reason }) => reason === 'temporal_unavailable')).toBe(true))
    main.add(namespace, 'task-1')
    expect(main.reports('task-1')).toEqual([])

    temporal.mend()
    expect(await resultOf(namespace, 'task-1')).toMatchObject({ outcome: 'completed' })
    expect(lines.filter(({ msg }) => msg === 'worker running')).toHaveLength(2)
  })

  it('stops while it waits for Temporal, and is not ready then', async () => {
    temporal.cut()
    const starting = create('video', { taskQueue: 'integration-alpha-queue' })
    await starting.start()
    await starting.stop()

    expect(await starting.ready()).toBe(false)
  })

  it('stops within the grace time though Temporal takes its connection and says nothing', async () => {
    temporal.deafen()
    const starting = create('video', { taskQueue: 'integration-alpha-queue' })
    await starting.start()
    await eventually(() => expect(temporal.connections).toBeGreaterThan(0))
    const askedAt = performance.now()
    await starting.stop()

    // Half a second is configured; the attempt to connect takes 30 s, and cannot be told to end.
    expect(performance.now() - askedAt).toBeLessThan(10_000)
    expect(await starting.ready()).toBe(false)
    expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([])
  })
})
