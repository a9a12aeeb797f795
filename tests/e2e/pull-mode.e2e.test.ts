/** The whole system, each part a process of its own: main, the daemon, a Temporal server, the providers' simulators. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Child } from '@/scripts/stack/child.js'
import { Stack } from '@/scripts/stack/stack.js'
import { TaskClient, type TaskKind, type TaskView } from '@/scripts/stack/task-client.js'
import { freePort } from '@/scripts/temporal/free-port.js'
import { workflows } from '../secrets/places.js'
import { type Place, SecretScanner } from '../secrets/scanner.js'

const SECRETS = {
  INTERNAL_API_TOKEN: 'internal-token-of-the-e2e-test',
  ARK_API_KEY: 'sk-e2e0ark1key2of3the4video5provider6',
  IMAGE_API_KEY: 'sk-e2e0image1key2of3the4image5provider6',
}
const PROMPT = 'a prompt that histories do hold'

let stack: Stack
let tasks: TaskClient
/** Another than that by which processes reach main. */
let publicUrl: string
let main: Child
let daemon: Child
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
      IMAGE_BASE_URL: `http://127.0.0.1:${images}/v1`,
      IMAGE_MODEL: 'image-model',
    },
    onCrash: (error) => crashes.push(error),
  })
  tasks = new TaskClient(stack.mainUrl)
  await stack.startServices()
})

afterAll(async () => {
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(crashes).toEqual([])
})

function types({ timeline }: TaskView): string[] {
  return timeline.map(({ type }) => type)
}

async function run(kind: TaskKind, request: object): Promise<TaskView> {
  return tasks.untilEnded(kind, await tasks.create(kind, request))
}

test('the daemon starts while main is down, and catches up when main comes', async () => {
  daemon = await stack.startDaemon()
  await expect(fetch(`${stack.mainUrl}/health`)).rejects.toThrow()

  main = await stack.startMain()
  expect(await run('test', { message: 'late' })).toMatchObject({ status: 'completed', result: { message: 'late' } })
})

describe('a task goes from pending to completed', () => {
  test.each([
    ['video', { prompt: PROMPT }],
    ['image', { prompt: PROMPT }],
    ['test', { kind: 'multiStep', failures: 1 }],
  ] as const)('%s', async (kind, request) => {
    const view = await run(kind, request)
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

test('a task whose claimer died before it started anything is recovered', async () => {
  await daemon.stop()
  await main.stop()
  // Of leases given from now on.
  main = await stack.startMain({ STUCK_TIMEOUT_SECONDS: '2' })
  const id = await tasks.create('test', { message: 'stuck' })
  await claim(id)
  expect(await tasks.read('test', id)).toMatchObject({ status: 'queued' })

  await main.stop()
  main = await stack.startMain()
  daemon = await stack.startDaemon()
  const view = await tasks.untilEnded('test', id)
  expect(view).toMatchObject({ status: 'completed', result: { message: 'stuck' } })
  expect(view.timeline.filter(({ type }) => type === 'queued')).toEqual([
    expect.objectContaining({ attempt: 1 }),
    expect.objectContaining({ attempt: 1 }),
  ])
})

test('while Temporal is down a task stays pending, and it runs when Temporal is back', async () => {
  await stack.stopTemporal()
  let id: string
  try {
    id = await tasks.create('test', { message: 'patient' })
    // Several of the daemon's polls, the slowest of which come every five seconds.
    const until = Date.now() + 12_000
    while (Date.now() < until) expect(await tasks.read('test', id)).toMatchObject({ status: 'pending', timeline: [] })
  } finally {
    await stack.startTemporal()
  }
  expect(types(await tasks.untilEnded('test', id))).toEqual(['queued', 'begun', 'processing', 'completed'])
})

test('of two daemons exactly one claims each task', async () => {
  const second = await stack.startDaemon('async-task-2')
  try {
    const ids = await Promise.all(Array.from({ length: 30 }, (_, i) => tasks.create('test', { message: `${i}` })))
    const views = await Promise.all(ids.map((id) => tasks.untilEnded('test', id)))
    for (const view of views) expect(types(view)).toEqual(['queued', 'begun', 'processing', 'completed'])
  } finally {
    await second.stop()
  }
})

test('no secret is in what Temporal keeps', async () => {
  // The server lost its histories when it was stopped: one of each kind again.
  await Promise.all([run('video', { prompt: PROMPT }), run('image', { prompt: PROMPT }), run('test', {})])
  const connection = await Connection.connect({ address: stack.temporalAddress })
  try {
    const kept: Place[] = []
    for await (const workflow of workflows(new Client({ connection }))) kept.push(workflow)
    expect(kept.length).toBeGreaterThanOrEqual(3)
    expect(kept.some(({ text }) => text.includes(PROMPT))).toBe(true)
    expect((await new SecretScanner(SECRETS).scan(kept)).found).toEqual([])
    expect(kept.flatMap(({ text }) => text.match(/\bsk-[A-Za-z0-9_-]{6,}/g) ?? [])).toEqual([])
  } finally {
    await connection.close()
  }
})

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
