/**
 * The whole system, each part a process of its own: main, the daemon, a Temporal server, the providers' simulators. One
 * file, as they share that system, and go on from what it did before.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Place, SecretScanner } from '@/testing/scanner.js'
import type { Child } from '@/tools/stack/child.js'
import { Stack } from '@/tools/stack/stack.js'
import { TaskClient, type TaskKind, type TaskView } from '@/tools/stack/task-client.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { workflows } from '../secrets/places.js'
import { createDataDir } from '../support/shared.js'

const SECRETS = {
  INTERNAL_API_TOKEN: 'internal-token-of-the-e2e-test',
  OPERATOR_TOKEN: 'operator-token-of-the-e2e-test',
  ARK_API_KEY: 'sk-e2e0ark1key2of3the4video5provider6',
  IMAGE_API_KEY: 'sk-e2e0image1key2of3the4image5provider6',
}
const PROMPT = 'a prompt that histories do hold'

/** How long after its creation a task has come so far, at the latest, in seconds. */
const LIMITS = { queued: 10, processing: 30, completed: 120 }
/** How long a task whose claimer died waits for another, once its lease is over. */
const STUCK_LIMIT_SECONDS = 30
/** Within this time each of two daemons has started some of the tasks that keep coming. */
const BOTH_START_LIMIT_MS = 20_000
const LOOK_EVERY_MS = 150
// Longer than all limits of a test together, so that it is a limit that fails it.
vi.setConfig({ testTimeout: 420_000 })

let stack: Stack
let tasks: TaskClient
/** Another than that by which processes reach main. */
let publicUrl: string
let main: Child | undefined
let daemon: Child | undefined
const folder = mkdtempSync(join(tmpdir(), 'pull-mode-e2e-'))
const crashes: Error[] = []

beforeAll(async () => {
  const [ark, images, mainPort] = [await freePort(), await freePort(), await freePort()]
  publicUrl = `http://localhost:${mainPort}`
  stack = await Stack.create({
    folder,
    mainPort,
    simulatorPorts: { ark, images },
    temporal: { headless: true },
    env: {
      TEMPORAL_ADDRESS: undefined,
      DATABASE_URL: undefined,
      CONFIG_MODE: 'local',
      MAIN_PUBLIC_URL: publicUrl,
      ...SECRETS,
      // With keys configured the simulators are reached as a provider would be.
      ARK_BASE_URL: `http://127.0.0.1:${ark}/api/v3`,
      ARK_MODEL: 'video-model',
      // A video of the simulator is ready after 3 s, one of the provider hardly before 20.
      ARK_FIRST_POLL_SECONDS: '3',
      IMAGE_BASE_URL: `http://127.0.0.1:${images}/v1`,
      IMAGE_MODEL: 'image-model',
    },
    onCrash: (error) => crashes.push(error),
  })
  tasks = new TaskClient(stack.mainUrl)
  await Promise.all([stack.startServices(), createDataDir(join(folder, 'main'))])
})

afterAll(async () => {
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(crashes).toEqual([])
})

async function startMain(env?: NodeJS.ProcessEnv): Promise<void> {
  main ??= await stack.startMain(env)
}

async function startDaemon(): Promise<void> {
  daemon ??= await stack.startDaemon()
}

async function stopMain(): Promise<void> {
  await main?.stop()
  main = undefined
}

async function stopDaemon(): Promise<void> {
  await daemon?.stop()
  daemon = undefined
}

function types({ timeline }: TaskView): string[] {
  return timeline.map(({ type }) => type)
}

interface Created {
  kind: TaskKind
  id: string
  /** Unix seconds. */
  createdAt: number
}

async function create(kind: TaskKind, request: object): Promise<Created> {
  const id = await tasks.create(kind, request)
  return { kind, id, createdAt: Date.now() / 1000 }
}

/** Looks at the task until something of this type has happened to it, which has to be soon. */
async function untilItIs({ kind, id, createdAt }: Created, type: keyof typeof LIMITS): Promise<TaskView> {
  const deadline = createdAt + LIMITS[type]
  for (;;) {
    const view = await tasks.read(kind, id)
    const at = view.timeline.find((event) => event.type === type)?.at
    if (at !== undefined || Date.now() / 1000 > deadline) {
      const happened = types(view).join(', ') || 'nothing'
      expect(at ?? Number.POSITIVE_INFINITY, `${type} within ${LIMITS[type]} s: ${happened}`).toBeLessThan(deadline)
      return view
    }
    await delay(LOOK_EVERY_MS)
  }
}

/** The task as it has completed, within all limits. */
async function untilCompleted(created: Created): Promise<TaskView> {
  await untilItIs(created, 'queued')
  await untilItIs(created, 'processing')
  return untilItIs(created, 'completed')
}

const REQUESTS: Record<TaskKind, object> = {
  video: { prompt: PROMPT },
  image: { prompt: PROMPT },
  test: { kind: 'multiStep', failures: 1 },
}
const ran = new Map<TaskKind, Promise<TaskView>>()

async function run(kind: TaskKind, request = REQUESTS[kind]): Promise<TaskView> {
  return untilCompleted(await create(kind, request))
}

/** One task of this kind, which several tests look at. */
function runOnce(kind: TaskKind): Promise<TaskView> {
  const running = ran.get(kind) ?? run(kind)
  // Whoever looks at it is told how it ended.
  running.catch(() => {})
  ran.set(kind, running)
  return running
}

test('a daemon that starts while main is down catches up, and within 30 s recovers a task whose claimer died before it started anything', async () => {
  await stopDaemon()
  await stopMain()
  // Of leases given from now on.
  await startMain({ STUCK_TIMEOUT_SECONDS: '2' })
  const { id } = await create('test', { message: 'stuck' })
  await claim(id)
  expect(await tasks.read('test', id)).toMatchObject({ status: 'queued' })

  await stopMain()
  await startDaemon()
  await expect(fetch(`${stack.mainUrl}/health`)).rejects.toThrow()
  await startMain()
  const deadline = Date.now() / 1000 + STUCK_LIMIT_SECONDS
  // While main is away the daemon asks less and less often, every five seconds at last.
  expect(await run('test', { message: 'late' })).toMatchObject({ status: 'completed', result: { message: 'late' } })
  let view = await tasks.read('test', id)
  while (view.status !== 'completed' && Date.now() / 1000 < deadline) {
    await delay(LOOK_EVERY_MS)
    view = await tasks.read('test', id)
  }
  expect(view).toMatchObject({ status: 'completed', result: { message: 'stuck' } })
  expect(view.timeline.at(-1)?.at).toBeLessThan(deadline)
  expect(view.timeline.filter(({ type }) => type === 'queued')).toEqual([
    expect.objectContaining({ attempt: 1 }),
    expect.objectContaining({ attempt: 1 }),
  ])
})

describe('while main and a daemon run', () => {
  beforeAll(async () => {
    await Promise.all([startMain(), startDaemon()])
  })

  describe('a task is queued within 10 s, processing within 30 s, and completed within 120 s', () => {
    const kinds = Object.keys(REQUESTS) as TaskKind[]
    beforeAll(() => {
      for (const kind of kinds) void runOnce(kind)
    })

    test.each(kinds)('%s', async (kind) => {
      const view = await runOnce(kind)
      expect(view).toMatchObject({ status: 'completed', error: null })
      expect(types(view)).toEqual(['queued', 'begun', 'processing', 'completed'])
      for (const { key, url, bytes } of artifactsOf(view.result)) {
        expect(existsSync(join(stack.artifactsDir, key))).toBe(true)
        expect(url).toBe(`${publicUrl}/artifacts/${key}`)
        expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(bytes)
      }
      expect(artifactsOf(view.result)).toHaveLength(kind === 'test' ? 0 : 1)
    })
  })

  test('the API document names the address by which people reach main', async () => {
    const { servers } = await (await fetch(`${stack.mainUrl}/openapi.json`)).json()
    expect(servers).toEqual([{ url: publicUrl }])
  })

  test('no secret is in what Temporal keeps', async () => {
    await Promise.all([runOnce('video'), runOnce('image'), runOnce('test')])
    await withTemporal(async (client) => {
      const kept: Place[] = []
      for await (const workflow of workflows(client)) kept.push(workflow)
      expect(kept.length).toBeGreaterThanOrEqual(3)
      expect(kept.some(({ text }) => text.includes(PROMPT))).toBe(true)
      expect((await new SecretScanner(SECRETS).scan(kept)).found).toEqual([])
      expect(kept.flatMap(({ text }) => text.match(/\bsk-[A-Za-z0-9_-]{6,}/g) ?? [])).toEqual([])
    })
  })

  test('while Temporal is down a task stays pending, and it runs when Temporal is back', async () => {
    await stack.stopTemporal()
    let created: Created
    try {
      created = await create('test', { message: 'patient' })
      // Several of the daemon's polls, the slowest of which come every five seconds.
      const until = Date.now() + 12_000
      while (Date.now() < until)
        expect(await tasks.read('test', created.id)).toMatchObject({ status: 'pending', timeline: [] })
    } finally {
      await stack.startTemporal()
    }
    const view = await untilCompleted({ ...created, createdAt: Date.now() / 1000 })
    expect(types(view)).toEqual(['queued', 'begun', 'processing', 'completed'])
  })

  test('of two daemons exactly one claims each task, and both start some', async () => {
    const second = await stack.startDaemon('async-task-2')
    try {
      const created: Created[] = []
      let starters: number[] = []
      const deadline = Date.now() + BOTH_START_LIMIT_MS
      // Whoever asks first may take all that is there, so there is more until both have had some.
      while (new Set(starters).size < 2 && Date.now() < deadline) {
        const more = await Promise.all(Array.from({ length: 10 }, (_, i) => create('test', { message: `${i}` })))
        for (const each of more) {
          const view = await untilCompleted(each)
          expect(types(view)).toEqual(['queued', 'begun', 'processing', 'completed'])
        }
        created.push(...more)
        starters = await startersOf(new Set(created.map(({ id }) => id)))
      }
      expect(starters).toHaveLength(created.length)
      expect(new Set(starters)).toEqual(new Set([daemon?.pid, second.pid]))
    } finally {
      await second.stop()
    }
  })
})

async function withTemporal<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: stack.temporalAddress })
  try {
    return await use(new Client({ connection }))
  } finally {
    await connection.close()
  }
}

/** The processes that have started these tasks' workflows, by Temporal's account. */
function startersOf(taskIds: Set<string>): Promise<number[]> {
  return withTemporal(async (client) => {
    const starters: number[] = []
    for await (const { workflowId, runId } of client.workflow.list()) {
      if (!workflowId.split(':').some((part) => taskIds.has(part))) continue
      const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
      const { identity } = events?.[0]?.workflowExecutionStartedEventAttributes ?? {}
      starters.push(Number(identity?.split(':')[1]))
    }
    return starters
  })
}

/** Under which the internal protocol knows a pending task. */
async function rowIdOf(taskId: string): Promise<string> {
  const headers = { authorization: `Bearer ${SECRETS.INTERNAL_API_TOKEN}` }
  const response = await fetch(`${stack.mainUrl}/api/testAsyncTask/fetchPendingTasks?limit=100`, { headers })
  const { tasks } = (await response.json()) as { tasks: Array<{ id: string; taskKey: string }> }
  const found = tasks.find(({ taskKey }) => taskKey === taskId)
  if (!found) throw new Error(`There is no pending task ${taskId}`)
  return found.id
}

/** Claims the task as a task processor does, and does nothing more. */
async function claim(taskId: string): Promise<void> {
  const apiCallId = await rowIdOf(taskId)
  const response = await fetch(`${stack.mainUrl}/api/testAsyncTask/reportTestAsyncTaskResult`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${SECRETS.INTERNAL_API_TOKEN}` },
    body: JSON.stringify({ apiCallId, status: 'queued' }),
  })
  expect([response.status, await response.json()]).toEqual([200, expect.objectContaining({ attempt: 1 })])
}

interface Artifact {
  key: string
  url: string
  bytes: number
}

/** The stored files that a result speaks of. */
function artifactsOf(result: unknown): Artifact[] {
  const { video, images } = result as { video?: Artifact; images?: Artifact[] }
  return [...(video ? [video] : []), ...(images ?? [])]
}
