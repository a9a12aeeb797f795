/** How fast tasks are picked up, and how long polling takes meanwhile, with everything on one machine. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '@/tools/stack/stack.js'
import { TaskClient, type TaskView } from '@/tools/stack/task-client.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'

const TASKS = 100
const TOKEN = 'internal-token-of-the-performance-test'
/** Between one poll's answer and the next poll. */
const POLL_EVERY_MS = 5

const LIMITS = { allQueuedSeconds: 60, pollMeanMs: 100, pollLongestMs: 500 }

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

describe.each(['PostgreSQL', 'PGLite'])('on %s', (database) => {
  let stack: Stack
  let tasks: TaskClient
  const folder = mkdtempSync(join(tmpdir(), 'pull-mode-perf-'))
  const crashes: Error[] = []

  beforeAll(async () => {
    stack = await Stack.create({
      folder,
      temporal: { headless: true },
      env: {
        TEMPORAL_ADDRESS: undefined,
        DATABASE_URL: database === 'PGLite' ? undefined : await postgres.createDatabase(),
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
    rmSync(folder, { recursive: true, force: true })
    expect(crashes).toEqual([])
  })

  test(`${TASKS} tasks created at once are queued within 60 s; polls meanwhile take 100 ms on average, and 500 ms at most`, async () => {
    // What every process does once: connect, load, compile.
    await tasks.untilEnded('test', await tasks.create('test', { message: 'warm-up' }), AbortSignal.timeout(30_000))

    const createdAt = Date.now() / 1000
    const done = new AbortController()
    const polls = pollUntil(stack.mainUrl, done.signal)
    let views: TaskView[]
    try {
      const messages = Array.from({ length: TASKS }, (_, i) => `${i}`)
      const ids = await Promise.all(messages.map((message) => tasks.create('test', { message })))
      views = await untilQueued(ids, createdAt + LIMITS.allQueuedSeconds)
    } finally {
      done.abort()
    }
    const latencies = await polls

    const queuedAfter = views.map((view) => (queuedAt(view) ?? Number.POSITIVE_INFINITY) - createdAt)
    const mean = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length
    const longest = Math.max(...latencies)
    console.log(
      `${database}: ${TASKS} tasks queued in ${Math.max(...queuedAfter).toFixed(1)} s; ` +
        `${latencies.length} polls: mean ${mean.toFixed(1)} ms, longest ${longest.toFixed(1)} ms`,
    )
    expect(queuedAfter.filter((seconds) => seconds < LIMITS.allQueuedSeconds)).toHaveLength(TASKS)
    expect(latencies.length).toBeGreaterThan(20)
    expect(mean).toBeLessThan(LIMITS.pollMeanMs)
    expect(longest).toBeLessThan(LIMITS.pollLongestMs)
  })

  /** Looks at one task after another until each is queued, or the time is over. */
  async function untilQueued(ids: string[], deadline: number): Promise<TaskView[]> {
    const views: TaskView[] = []
    for (const id of ids) {
      let view = await tasks.read('test', id)
      while (queuedAt(view) === undefined && Date.now() / 1000 < deadline) {
        await delay(150)
        view = await tasks.read('test', id)
      }
      views.push(view)
    }
    return views
  }
})

function queuedAt({ timeline }: TaskView): number | undefined {
  return timeline.find(({ type }) => type === 'queued')?.at
}

/** Fetches pending tasks again and again, as a daemon does, and returns how many milliseconds each fetch took. */
async function pollUntil(mainUrl: string, signal: AbortSignal): Promise<number[]> {
  const polls: number[] = []
  while (!signal.aborted) {
    polls.push(await poll(mainUrl))
    await delay(POLL_EVERY_MS)
  }
  return polls
}

async function poll(mainUrl: string): Promise<number> {
  const before = performance.now()
  const response = await fetch(`${mainUrl}/api/testAsyncTask/fetchPendingTasks?limit=10`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  await response.arrayBuffer()
  const took = performance.now() - before
  expect(response.status).toBe(200)
  return took
}
