/**
 * The component, and its task processor alone, are started and stopped again and again, at moments that the seed
 * decides, while there are tasks to claim: nothing may be left behind in this process, in main or in Temporal.
 * Set STRESS_SEED to stop at other moments.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest'
import { AsyncTaskComponent } from '@/async-task-component/index.js'
import { loadConfig } from '@/config/load.js'
import type { PullModeConfig } from '@/integrations/index.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain, TEST_TOKEN } from '@/testing/protocol-main.js'
import { activityContext, createProcessor, createTemporalNamespace, silent } from '../async-task-component/support.js'
import { TcpProxy } from '../support/tcp-proxy.js'

const CYCLES = 50
const TASKS_PER_CYCLE = 10
/** gRPC shares connections between clients, and looks every ten seconds for those that nobody uses. */
const CLOSING = { timeout: 40_000, interval: 250 }
/**
 * The SDK's native core sometimes keeps one connection for minutes after its last worker is gone; why is not known.
 * So of the component's cycles few may linger, and not one per cycle; of the processor's, which has no worker, none.
 */
const LINGERING = { processor: 0, component: 5 }
const SEED = Number(process.env.STRESS_SEED ?? 1)

/** What can be started and stopped. */
interface Cycled {
  start(): Promise<void>
  /** Resolves once it does what it is for. */
  ready(): Promise<unknown>
  stop(): Promise<void>
}

/** The test's own way to Temporal. What is cycled goes through a proxy, which sees its connections. */
let connection: Connection
let temporal: TcpProxy
let temporalNamespace: string
let main: ProtocolMain
const complaints: unknown[] = []
const complain = (reason: unknown) => void complaints.push(reason)

beforeAll(async () => {
  vi.stubEnv('TEMPORAL_ADDRESS', undefined)
  vi.stubEnv('TEMPORAL_NAMESPACE', undefined)
  connection = await Connection.connect({ address: inject('temporalAddress') })
  temporal = await TcpProxy.to(inject('temporalAddress'))
  temporalNamespace = await createTemporalNamespace(connection)
  // A leak of listeners is told as a warning.
  for (const event of ['unhandledRejection', 'warning'] as const) process.on(event, complain)
})
afterAll(async () => {
  for (const event of ['unhandledRejection', 'warning'] as const) process.off(event, complain)
  await connection.close()
  await temporal.close()
  vi.unstubAllEnvs()
})
beforeEach(() => {
  complaints.length = 0
})

it(`${CYCLES} starts and stops of the task processor leave nothing behind`, async () => {
  await cycle('processor', CYCLES, 400, (config) => {
    const processor = createProcessor(temporal.address, { temporalNamespace })
    return {
      start: () => processor.start([{ namespace: 'processor', config }]),
      ready: async () => undefined,
      stop: () => processor.stop(),
    }
  })
}, 180_000)

it(`${CYCLES} starts and stops of the whole component leave nothing behind`, async () => {
  await cycle('component', CYCLES, 1500, createComponent)
  // Building a component bundles its workflows, which takes seconds.
}, 900_000)

function createComponent(config: PullModeConfig): Cycled {
  const { asyncTask } = loadConfig({ env: {} }).components
  return new AsyncTaskComponent({
    config: {
      ...asyncTask,
      temporal: { address: temporal.address, namespace: temporalNamespace },
      pullMode: { ...asyncTask.pullMode, pollIntervalMs: 20, maxPollIntervalMs: 50 },
      internalApiToken: TEST_TOKEN,
    },
    integrations: [{ namespace: 'component', integration: { getPullModeConfig: () => config } }],
    activityContext,
    integrationsPath: fileURLToPath(new URL('fixtures/integrations', import.meta.url)),
    logger: silent,
  })
}

async function cycle(
  namespace: keyof typeof LINGERING,
  cycles: number,
  longestMs: number,
  create: (config: PullModeConfig) => Cycled,
): Promise<void> {
  const lives = fc.sample(fc.integer({ min: 0, max: longestMs }), { seed: SEED, numRuns: cycles })
  // What the first cycle loads for good, as the SDK's runtime, is no leak.
  await withMain(() => runCycles(namespace, [longestMs], create))
  await connectionsClosed(LINGERING[namespace])
  const before = await settledResources({})
  await withMain(async () => {
    const workflows = await runCycles(namespace, lives, create)
    expect(workflows, `seed ${SEED}: no task got as far as its workflow`).toBeGreaterThan(0)
  })
  await connectionsClosed(LINGERING[namespace])
  const after = await settledResources(before)
  expect(leaked(before, after), `seed ${SEED}`).toEqual({})
  expect(complaints, `seed ${SEED}`).toEqual([])
}

async function connectionsClosed(lingering: number): Promise<void> {
  await vi.waitFor(() => {
    const message = `seed ${SEED}: connections to Temporal`
    expect(temporal.connections, message).toBeLessThanOrEqual(lingering)
  }, CLOSING)
}

async function withMain(use: () => Promise<unknown>): Promise<void> {
  main = await ProtocolMain.start()
  try {
    await use()
  } finally {
    await main.stop()
  }
}

/** Gives how many tasks have workflows. */
async function runCycles(
  namespace: string,
  lives: number[],
  create: (config: PullModeConfig) => Cycled,
): Promise<number> {
  const { config } = main.config(namespace, { taskQueue: 'integration-quick-queue', workflowName: 'quickWorkflow' })
  const round = crypto.randomUUID().slice(0, 8)
  const ids: string[] = []
  const seenWorkflows = new Set<string>()
  for (const [number, lifeMs] of lives.entries()) {
    for (let task = 0; task < TASKS_PER_CYCLE; task++) {
      const id = `${round}-${number}-${task}`
      main.add(namespace, id)
      ids.push(id)
    }
    const cycled = create(config)
    const starting = cycled.start()
    // Every other one is stopped while it is still being built.
    if (number % 2 === 0) await starting.then(() => cycled.ready())
    await sleep(lifeMs)
    // A second stop, as of an operator who presses Ctrl-C twice, is the first one's.
    await Promise.all([cycled.stop(), cycled.stop()])
    await starting

    const leftBehind = await Promise.all(ids.map((id) => isLeftBehind(namespace, id, seenWorkflows)))
    const names = ids.filter((_id, index) => leftBehind[index])
    expect(names, `seed ${SEED}, cycle ${number}, stopped after ${lifeMs} ms`).toEqual([])
    // What was released is due again; and some leases end, so that claims are taken over.
    main.advance(60)
  }
  return seenWorkflows.size
}

/** Whether main has a claim of the task, and Temporal no workflow of it. */
async function isLeftBehind(namespace: string, id: string, seenWorkflows: Set<string>): Promise<boolean> {
  const { state, taskKey } = main.task(id)
  if (state.status !== 'queued' && state.status !== 'processing') return false
  const workflowId = attemptWorkflowId(namespace, id, taskKey, state.attempts + 1)
  if (seenWorkflows.has(workflowId)) return false
  const { workflow } = new Client({ connection, namespace: temporalNamespace })
  try {
    await workflow.getHandle(workflowId).describe()
    seenWorkflows.add(workflowId)
    return false
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true
    throw error
  }
}

type Resources = Record<string, number>

/** How many handles of each kind keep this process busy, once there are no more than expected, or after a while. */
async function settledResources(expected: Resources): Promise<Resources> {
  let resources: Resources = {}
  for (let look = 0; look < 60; look++) {
    // Connections that fetch keeps alive go by themselves.
    await sleep(250)
    const previous = resources
    resources = countResources()
    const isSteady = JSON.stringify(previous) === JSON.stringify(resources)
    if (isSteady && Object.keys(leaked(expected, resources)).length === 0) break
    if (isSteady && Object.keys(expected).length === 0 && look > 24) break
  }
  return resources
}

function countResources(): Resources {
  const counts: Resources = {}
  for (const kind of process.getActiveResourcesInfo().sort()) counts[kind] = (counts[kind] ?? 0) + 1
  // The proxy's two sockets of each connection to Temporal: those are looked at for themselves.
  const sockets = (counts.TCPSocketWrap ?? 0) - 2 * temporal.connections
  return { ...counts, TCPSocketWrap: Math.max(0, sockets) }
}

function leaked(before: Resources, after: Resources): Resources {
  const more = Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const)
  return Object.fromEntries(more.filter(([, count]) => count > 0))
}
