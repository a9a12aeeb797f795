/**
 * How fast tasks are picked up, and how long polling takes meanwhile, with everything on one machine. On PostgreSQL:
 * PGLite has one connection, on which polls wait behind every report.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stack } from '@/scripts/stack/stack.js'
import { TaskClient, type TaskView } from '@/scripts/stack/task-client.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'

const TASKS = 100
const TOKEN = 'internal-token-of-the-performance-test'
/** As many polls as twenty daemons make of one integration, each once a second. */
const POLL_EVERY_MS = 50

/** What a poll of the idle system takes on two free cores. Where it takes longer the limits are higher in proportion. */
const USUAL_IDLE_POLL_MS = 3

let postgres: TestPostgres
let stack: Stack
let tasks: TaskClient
const folder = mkdtempSync(join(tmpdir(), 'pull-mode-perf-'))
const crashes: Error[] = []

beforeAll(async () => {
  postgres = await startPostgres()
  stack = await Stack.create({
    folder,
    temporal: { headless: true },
    env: {
      TEMPORAL_ADDRESS: undefined,
      DATABASE_URL: await postgres.createDatabase(),
      CONFIG_MODE: 'local',
      INTERNAL_API_TOKEN: TOKEN,
    },
    onCrash: (error) => crashes.push(error),
  })
  tasks = new TaskClient(stack.mainUrl)
  await stack.startAll()
})

afterAll(async () => {
  await stack?.stop()
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(crashes).toEqual([])
})

test(`${TASKS} tasks are queued within 60 s, and polls meanwhile take 100 ms on average and 500 ms at most`, async () => {
  // What every process does once: connect, load, compile.
  await tasks.untilEnded('test', await tasks.create('test', { message: 'warm-up' }))
  const idle: number[] = []
  for (let i = 0; i < 20; i++) idle.push(await poll())
  const slowness = Math.max(1, median(idle) / USUAL_IDLE_POLL_MS)

  const startedAt = performance.now()
  const done = new AbortController()
  const polls = pollUntil(done.signal)
  const ids: string[] = []
  for (let i = 0; i < TASKS; i++) ids.push(await tasks.create('test', { message: `${i}` }))
  const views: TaskView[] = []
  for (const id of ids) views.push(await tasks.untilEnded('test', id))
  done.abort()
  const latencies = await polls

  const queuedAt = views.map(({ timeline }) => timeline.find(({ type }) => type === 'queued')?.at ?? Number.NaN)
  const allQueuedAfterSeconds = Math.max(...queuedAt) - (Date.now() - (performance.now() - startedAt)) / 1000
  const mean = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length
  const max = Math.max(...latencies)
  console.log(
    `${TASKS} tasks queued in ${allQueuedAfterSeconds.toFixed(1)} s; ` +
      `${latencies.length} polls: mean ${mean.toFixed(1)} ms, maximum ${max.toFixed(1)} ms; idle ${median(idle).toFixed(1)} ms`,
  )

  expect(views.filter(({ status }) => status === 'completed')).toHaveLength(TASKS)
  expect(allQueuedAfterSeconds).toBeLessThan(60)
  expect(latencies.length).toBeGreaterThan(100)
  expect(mean).toBeLessThan(100 * slowness)
  expect(max).toBeLessThan(500 * slowness)
})

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

/** Fetches pending tasks at a steady pace, whatever each fetch takes, and returns how many milliseconds each fetch took. */
async function pollUntil(signal: AbortSignal): Promise<number[]> {
  const polls: Promise<number>[] = []
  while (!signal.aborted) {
    polls.push(poll())
    await delay(POLL_EVERY_MS)
  }
  return Promise.all(polls)
}

async function poll(): Promise<number> {
  const before = performance.now()
  const response = await fetch(`${stack.mainUrl}/api/testAsyncTask/fetchPendingTasks?limit=10`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  await response.arrayBuffer()
  const took = performance.now() - before
  expect(response.status).toBe(200)
  return took
}
