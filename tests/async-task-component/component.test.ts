/** The component as a whole, in this process: what it refuses to start with, and what it can start without. */
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { AsyncTaskComponent, type AsyncTaskComponentOptions } from '@/async-task-component/index.js'
import { loadConfig } from '@/config/load.js'
import type { PullModeConfig } from '@/integrations/index.js'
import { attemptWorkflowId } from '@/integrations/shared/names.js'
import { ProtocolMain, TEST_TOKEN } from '../support/protocol-main.js'
import { activityContext, FIXTURES, silent, uniqueName } from './support.js'
import { TcpProxy } from './tcp-proxy.js'

let main: ProtocolMain
let temporal: TcpProxy
let component: AsyncTaskComponent | null

beforeEach(async () => {
  vi.stubEnv('TEMPORAL_ADDRESS', undefined)
  vi.stubEnv('TEMPORAL_NAMESPACE', undefined)
  main = await ProtocolMain.start()
  temporal = await TcpProxy.to(inject('temporalAddress'))
  component = null
})

afterEach(async () => {
  await component?.stop()
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
      temporal: { address: temporal.address, namespace: 'default' },
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
    logger: silent,
  }
  component = new AsyncTaskComponent(options)
  return component
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
    expect(starting.workerStatuses()).toEqual([])
    expect(main.task('task-1').state.status).toBe('pending')

    temporal.mend()
    expect(await starting.ready()).toBe(true)
    expect(starting.workerStatuses()).toMatchObject([
      { name: 'alpha', state: 'running', error: null },
      { name: 'beta', state: 'running', error: null },
      { name: 'unbundlable', error: { code: 'workflow_bundle' } },
    ])
    await main.until(() => main.task('task-1').state.status === 'queued')
    const client = new Client({ connection: await Connection.connect({ address: inject('temporalAddress') }) })
    const run = client.workflow.getHandle(attemptWorkflowId(namespace, 'task-1', 'key-task-1', 1))
    expect(await vi.waitFor(() => run.result(), { timeout: 10_000 })).toMatchObject({ outcome: 'completed' })
    await client.connection.close()
  })

  it('stops while it waits for Temporal, and is not ready then', async () => {
    temporal.cut()
    const starting = create('video', { taskQueue: 'integration-alpha-queue' })
    await starting.start()
    await starting.stop()

    expect(await starting.ready()).toBe(false)
  })
})
