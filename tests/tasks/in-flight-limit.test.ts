/** No more tasks in flight than the provider takes: many claimers, two main processes, one PostgreSQL. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '@/config/load.js'
import { columnsOf } from '@/tools/chaos/witnesses/database.js'
import { type MainProcess, startMainProcess, startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'

const MAX = 3
const REPORT = `${TEST_API}/reportTestAsyncTaskResult`

let databaseUrl: string
let mains: MainProcess[] = []

beforeAll(async () => {
  databaseUrl = await createDatabase()
  const env = { DATABASE_URL: databaseUrl, TEST_MAX_TASKS_IN_FLIGHT: String(MAX) }
  mains = await Promise.all([startMainProcess(env), startMainProcess(env)])
})
afterAll(async () => {
  await Promise.all(mains.map((main) => main.stop()))
})

const mainOf = (index: number) => mains[index % mains.length] as MainProcess
const fetched = async (main: Pick<MainProcess, 'internalGet'>, query = '') =>
  (await main.internalGet(`${TEST_API}/fetchPendingTasks${query}`)).body.tasks as Array<{ id: string; status: string }>

/** Of all tasks, in the order of their creation. */
async function storedIds(): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const column = await columnsOf(TEST_TASKS.apiCall, async (sql, params) => (await client.query(sql, params)).rows)
    const [id, createdAt] = [column('id', 'integer'), column('createdAt', 'double precision')]
    // Each main gives ids from a block of its own.
    const { rows } = await client.query(`SELECT ${id} AS id FROM "${TEST_TASKS.apiCall}" ORDER BY ${createdAt}`)
    return rows.map((row) => String(row.id))
  } finally {
    await client.end()
  }
}

/** As if every claim's daemon had been away for long. */
async function endLeases(): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const table = TEST_TASKS.apiCall
    const column = await columnsOf(table, async (sql, params) => (await client.query(sql, params)).rows)
    const state = column('state', 'json')
    const ended = `jsonb_set(${state}::jsonb, '{leaseExpiresAt}', '1')::json`
    await client.query(
      `UPDATE "${table}" SET ${state} = ${ended}, ${column('claimableAt', 'double precision')} = 1` +
        ` WHERE ${column('status', 'text')} = 'queued'`,
    )
  } finally {
    await client.end()
  }
}

it('of all claims at once only so many win, and the others wait as pending until one ends', async () => {
  for (let index = 0; index < 10; index++) await mainOf(index).post('/api/test/run', {})
  const ids = await storedIds()
  expect((await fetched(mainOf(0))).map(({ id }) => id)).toEqual(ids.slice(0, MAX))

  const answers = await Promise.all(
    ids.map((apiCallId, index) => mainOf(index).internalPost(REPORT, { apiCallId, status: 'queued' })),
  )
  const won = answers.filter(({ status }) => status === 200)
  expect(won).toHaveLength(MAX)
  for (const { status, body } of answers.filter((answer) => !won.includes(answer))) {
    expect({ status, body }).toMatchObject({ status: 409, body: { reason: 'at_capacity', status: 'pending' } })
  }
  expect(await fetched(mainOf(0))).toEqual([])

  // A place that becomes free wakes whoever waits for one.
  const parked = fetched(mainOf(0), '?waitSeconds=20')
  const claimed = ids[answers.findIndex(({ status }) => status === 200)]
  const { attempt, fencingToken } = won[0]?.body ?? {}
  const error = { code: 'test', message: 'test' }
  const failed = { apiCallId: claimed, status: 'failed', attempt, fencingToken, error, retryable: false }
  expect(await mainOf(0).internalPost(REPORT, failed)).toMatchObject({ status: 200 })
  expect(await parked).toHaveLength(1)

  await expect.poll(async () => (await fetched(mainOf(1), '?limit=1')).map(({ status }) => status)).toEqual(['pending'])
  const next = (await fetched(mainOf(1)))[0]
  expect(await mainOf(1).internalPost(REPORT, { apiCallId: next?.id, status: 'queued' })).toMatchObject({ status: 200 })

  // Claims whose lease is over are in flight already: they may be taken over, and hide behind nothing.
  await endLeases()
  const stuck = await fetched(mainOf(1))
  expect(stuck.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued'])
  expect(await mainOf(1).internalPost(REPORT, { apiCallId: stuck[0]?.id, status: 'queued' })).toMatchObject({
    status: 200,
    body: { takeOver: true },
  })
})

describe('on PGLite', () => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain({ maxTasksInFlight: 1 })
  })
  afterAll(() => main.stop())

  it('goes for the next attempts of tasks that failed as for new ones', async () => {
    const { controller } = main.component
    const once = [events.queued(1, 300), events.failed(1, 0)]
    const failed = await plantTask(controller, { createdAt: 1, events: once })
    await plantTask(controller, { createdAt: 2, events: once })
    // There is one place only.
    expect(await fetched(main)).toMatchObject([{ id: failed, status: 'failed' }])

    const inFlight = await plantTask(controller)
    expect(await main.internalPost(REPORT, { apiCallId: inFlight, status: 'queued' })).toMatchObject({ status: 200 })
    expect(await fetched(main)).toEqual([])
    const refused = { status: 409, body: { reason: 'at_capacity', status: 'failed' } }
    expect(await main.internalPost(REPORT, { apiCallId: failed, status: 'queued' })).toMatchObject(refused)
  })
})

it('goes for PGLite too, and without a limit for none', async () => {
  const limited = await startTestMain({ maxTasksInFlight: 1 })
  const unlimited = await startTestMain()
  try {
    for (const [main, expected] of [
      [limited, [200, 409]],
      [unlimited, [200, 200]],
    ] as const) {
      const { controller } = main.component
      const ids = [await plantTask(controller), await plantTask(controller)]
      const claims = ids.map((apiCallId) => main.internalPost(REPORT, { apiCallId, status: 'queued' }))
      const statuses = (await Promise.all(claims)).map(({ status }) => status)
      expect(statuses.sort()).toEqual(expected)
    }
  } finally {
    await Promise.all([limited.stop(), unlimited.stop()])
  }
})

it('at 0 nothing is claimed, and what is under way goes on', async () => {
  const { integrations } = loadConfig({ mode: 'local', component: 'main', env: { TEST_MAX_TASKS_IN_FLIGHT: '0' } })
  expect(integrations.testAsyncTask).toMatchObject({ maxTasksInFlight: 0 })
  const main = await startTestMain({ maxTasksInFlight: 0 })
  try {
    const { controller } = main.component
    const apiCallId = await plantTask(controller)
    const underWay = await plantTask(controller, { events: [events.queued(1, Date.now() / 1000 + 300)] })
    expect(await fetched(main)).toEqual([])
    expect(await main.internalPost(REPORT, { apiCallId, status: 'queued' })).toMatchObject({ status: 409 })
    const begin = { apiCallId: underWay, status: 'begin', attempt: 1, runId: 'run-1' }
    expect(await main.internalPost(REPORT, begin)).toMatchObject({ status: 200 })
  } finally {
    await main.stop()
  }
})
