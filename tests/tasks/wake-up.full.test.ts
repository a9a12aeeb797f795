/** Two main processes on one PostgreSQL: a task that one creates wakes one claimer, at whichever main it waits. */
import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { ClaimTasksAnswer } from '@/protocol/wire.js'
import { databaseOf, inTransaction, noticesOf } from '@/tasks/database/sql.js'
import { eventually } from '../support/eventually.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_API } from '../support/tasks.js'

/** Below a look each second, and the rare ones. */
const AT_ONCE_MS = 500
const PARKED = 8

let creating: TestMain
let waiting: TestMain
/** Tries to claim, by main. */
const tries = { creating: 0, waiting: 0 }
/** Requests to claim that have begun, by main: each asks what its claimId has claimed. */
const begun = { creating: 0, waiting: 0 }

function counting(main: keyof typeof tries): pino.Logger {
  const stream = new Writable({
    write(line, _encoding, done) {
      if (String(line).includes('SKIP LOCKED')) tries[main] += 1
      if (String(line).includes("->> 'claimId'")) begun[main] += 1
      done()
    },
  })
  return pino({ level: 'trace' }, stream)
}

beforeAll(async () => {
  const databaseUrl = await createDatabase()
  creating = await startTestMain({ databaseUrl, logger: counting('creating') })
  waiting = await startTestMain({ databaseUrl, logger: counting('waiting') })
  await untilHearing()
})
afterAll(() => Promise.all([creating?.stop(), waiting?.stop()]))

const untilHearing = () =>
  eventually(() => {
    for (const main of [creating, waiting]) expect(noticesOf(main.component.controller).hears).toBe(true)
  })

let parked: Array<{ main: TestMain; gone: AbortController; answer: Promise<ClaimTasksAnswer | 'gone'> }>
beforeEach(() => {
  parked = []
  return async () => {
    for (const { gone } of parked) gone.abort()
    await Promise.all(parked.map(({ answer }) => answer))
    // Whatever the test left is claimed, so that the next one finds nothing.
    await creating.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 100 })
  }
})

/** So many requests that wait at a main. */
async function park(main: TestMain, count: number): Promise<void> {
  const name = main === creating ? 'creating' : 'waiting'
  const before = begun[name]
  for (let index = 0; index < count; index += 1) {
    const gone = new AbortController()
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${main.token}` }
    const body = JSON.stringify({ claimId: randomUUID(), limit: 10, waitSeconds: 20 })
    const url = new URL(`${TEST_API}/claimTasks`, main.url)
    const answer = fetch(url, { method: 'POST', headers, body, signal: gone.signal })
      .then((response) => response.json() as Promise<ClaimTasksAnswer>)
      .catch(() => 'gone' as const)
    parked.push({ main, gone, answer })
  }
  await eventually(() => expect(begun[name]).toBeGreaterThanOrEqual(before + count))
  // The last look at what is due next is over.
  await main.get('/health')
  tries.creating = 0
  tries.waiting = 0
}

const firstAnswer = () => Promise.race(parked.map(({ answer }) => answer)) as Promise<ClaimTasksAnswer>

async function create(dueAt?: number): Promise<string> {
  const { status, body } = await creating.post('/api/test/run', dueAt === undefined ? {} : { dueAt })
  expect(status).toBe(200)
  return body.taskId
}

async function answeredIn(): Promise<{ keys: string[]; ms: number }> {
  const from = performance.now()
  const { tasks } = await firstAnswer()
  return { keys: tasks.map(({ taskKey }) => taskKey), ms: performance.now() - from }
}

it('wakes one of those who wait at another main, at once', async () => {
  await park(waiting, PARKED)
  const taskId = await create()
  const { keys, ms } = await answeredIn()
  expect(keys).toEqual([taskId])
  expect(ms).toBeLessThan(AT_ONCE_MS)
  expect(tries).toEqual({ creating: 0, waiting: 1 })
})

it('gives it to one of those who wait at the same main, with no claim of its own, and wakes nobody elsewhere', async () => {
  await park(creating, PARKED)
  await park(waiting, PARKED)
  const taskId = await create()
  expect((await answeredIn()).keys).toEqual([taskId])
  expect(tries).toEqual({ creating: 0, waiting: 0 })
})

it('wakes one when a delayed task becomes due, then', async () => {
  await park(waiting, PARKED)
  const dueAt = Date.now() / 1000 + 1.5
  const taskId = await create(dueAt)
  const { keys } = await answeredIn()
  expect(keys).toEqual([taskId])
  expect(Date.now() / 1000 - dueAt).toBeLessThan(AT_ONCE_MS / 1000)
  expect(tries.waiting).toBeLessThanOrEqual(2)
})

it('hears of a task that the application creates by itself', async () => {
  await park(waiting, 1)
  const { controller } = creating.component
  await inTransaction(controller, 'own', () =>
    controller.system.storage.create('TestTask', { options: { kind: 'simple' } }),
  )
  const { keys, ms } = await answeredIn()
  expect(keys).toHaveLength(1)
  expect(ms).toBeLessThan(AT_ONCE_MS)
})

it('tells a user who waits at another main what becomes of the task', async () => {
  const taskId = await create()
  const from = performance.now()
  const change = waiting.get(`/api/test/tasks/${taskId}?waitSeconds=20`)
  await waiting.get('/health')
  const claim = await creating.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 10 })
  expect(claim.body.tasks).toHaveLength(1)
  expect((await change).body.status).toBe('queued')
  expect(performance.now() - from).toBeLessThan(AT_ONCE_MS)
})

it('listens again after its connection was lost, and has missed nothing', async () => {
  await park(waiting, PARKED)
  const { controller } = waiting.component
  const ended = await databaseOf(controller).query<{ ended: boolean }>(
    "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'async-task notices'",
    [],
  )
  expect(ended).toEqual([{ ended: true }, { ended: true }])
  await eventually(() => expect(noticesOf(controller).hears).toBe(false))
  const taskId = await create()
  expect((await answeredIn()).keys).toEqual([taskId])
  await untilHearing()
  const next = await create()
  const claimed = parked.map(async ({ answer }) => {
    const { tasks } = (await answer) as ClaimTasksAnswer
    expect(tasks).toMatchObject([{ taskKey: next }])
  })
  await Promise.any(claimed)
})
