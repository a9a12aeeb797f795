/** The daemon as KEDA scales it by production's triggers: down to none, also while tasks are under way, and back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { z } from 'zod'
import { Stack } from '@/tools/stack/stack.js'
import { TaskClient } from '@/tools/stack/task-client.js'
import { createTemporalNamespace } from '../async-task-component/support.js'
import { eventually } from '../support/eventually.js'
import { sampleOf } from '../support/openmetrics.js'
import { render } from './render.js'

const METRICS_TOKEN = 'a-token-for-metrics'
const scaling = z.object({ triggers: z.array(z.object({ metadata: z.record(z.string(), z.string()) })) })

let folder: string
let stack: Stack
let connection: Connection
let namespace: string
let triggers: Array<Record<string, string>>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scale-to-zero-'))
  connection = await Connection.connect({ address: inject('temporalAddress') })
  namespace = await createTemporalNamespace(connection)
  stack = await Stack.create({
    folder,
    env: {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: namespace,
      METRICS_TOKEN,
      ARK_FIRST_POLL_SECONDS: '1',
      ARK_POLL_SECONDS: '1',
    },
    onCrash: (error) => {
      throw error
    },
  })
  await Promise.all([stack.startSimulators(), stack.startMain()])
  const scaled = (await render('overlays/prod')).find(({ kind }) => kind === 'ScaledObject')
  triggers = scaling.parse(scaled?.spec).triggers.map(({ metadata }) => metadata)
})
afterAll(async () => {
  await stack?.stop()
  await connection?.close()
  await rm(folder, { recursive: true, force: true })
})

/** The triggers that would have KEDA keep a daemon. */
async function activeTriggers(): Promise<string[]> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
  const metrics = await (await fetch(`${stack.mainUrl}/metrics`, { headers })).text()
  const active: string[] = []
  for (const { valueLocation, taskQueue, activationTargetValue, activationTargetQueueSize } of triggers) {
    if (valueLocation !== undefined) {
      const [, name = '', labels = ''] = /^(\w+)\{(.*)\}$/.exec(valueLocation) ?? []
      const wanted = Object.fromEntries([...labels.matchAll(/(\w+)="(\w+)"/g)].map(([, key, value]) => [key, value]))
      const value = sampleOf(metrics, name, wanted as Record<string, string>)
      expect(value, valueLocation).toBeDefined()
      if ((value ?? 0) > Number(activationTargetValue)) active.push(valueLocation)
    } else {
      const backlog = await backlogOf(taskQueue ?? '')
      if (backlog > Number(activationTargetQueueSize)) active.push(taskQueue ?? '')
    }
  }
  return active
}

async function backlogOf(name: string): Promise<number> {
  const sizes = [1, 2].map(async (taskQueueType) => {
    const request = { namespace, taskQueue: { name }, taskQueueType, reportStats: true }
    const { stats } = await connection.workflowService.describeTaskQueue(request)
    return Number(stats?.approximateBacklogCount ?? 0)
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

it('has no daemon without work, one as soon as there is some, and loses nothing by stops amid it', async () => {
  expect(await activeTriggers()).toEqual([])

  const client = new TaskClient(stack.mainUrl)
  const tasks = [
    ['image', await client.create('image', { prompt: 'a lighthouse' })],
    ['image', await client.create('image', { prompt: 'another one' })],
    ['video', await client.create('video', { prompt: 'a paper boat' })],
  ] as const
  const views = () => Promise.all(tasks.map(([kind, id]) => client.read(kind, id)))
  const statuses = async () => (await views()).map(({ status }) => status)
  await eventually(async () => expect(await activeTriggers()).not.toEqual([]))

  // KEDA's patience is none here: it scales to zero again and again, whatever is under way.
  for (let stops = 0; stops < 3; stops++) {
    const daemon = await stack.startDaemon(`async-task-${stops}`)
    await eventually(async () => expect(await statuses()).not.toContain(stops === 0 ? 'pending' : 'queued'))
    await daemon.stop()
    // Main counts at most every five seconds.
    const isOpen = (await statuses()).some((status) => status !== 'completed')
    if (isOpen) await eventually(async () => expect(await activeTriggers()).not.toEqual([]))
  }
  const last = await stack.startDaemon()
  const ends = async () => (await views()).map(({ status, error }) => error ?? status)
  await eventually(async () => expect(await ends()).toEqual(tasks.map(() => 'completed')))
  await last.stop()

  for (const { timeline } of await views()) {
    expect(new Set(timeline.map(({ attempt }) => attempt))).toEqual(new Set([1]))
  }
  await eventually(async () => expect(await activeTriggers()).toEqual([]))
})
