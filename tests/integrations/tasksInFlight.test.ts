/** No more tasks in flight than the provider takes: many claimers, two main processes, one PostgreSQL. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type MainProcess, startMainProcess, startTestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { TEST_API } from '../support/tasks.js'

const MAX = 3
const REPORT = `${TEST_API}/reportTestAsyncTaskResult`

let postgres: TestPostgres
let mains: MainProcess[] = []

beforeAll(async () => {
  postgres = await startPostgres()
  const databaseUrl = await postgres.createDatabase()
  const env = { DATABASE_URL: databaseUrl, TEST_MAX_TASKS_IN_FLIGHT: String(MAX), STUCK_TIMEOUT_SECONDS: '2' }
  mains = await Promise.all([startMainProcess(env), startMainProcess(env)])
})
afterAll(async () => {
  await Promise.all(mains.map((main) => main.stop()))
  await postgres.stop()
})

const mainOf = (index: number) => mains[index % mains.length] as MainProcess
const fetched = async (main: Pick<MainProcess, 'internalGet'>, query = '') =>
  (await main.internalGet(`${TEST_API}/fetchPendingTasks${query}`)).body.tasks as Array<{ id: string; status: string }>

it('of all claims at once only so many win, and the others wait as pending until one ends', async () => {
  const ids: string[] = []
  for (let index = 0; index < 10; index++) ids.push((await mainOf(index).post('/api/test/run', {})).body.taskId)
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

  // Claims whose lease is over are in flight already: they may be taken over, and hide behind nothing.
  await expect.poll(async () => (await fetched(mainOf(1), '?limit=1')).map(({ status }) => status)).toEqual(['pending'])
  const next = (await fetched(mainOf(1)))[0]
  expect(await mainOf(1).internalPost(REPORT, { apiCallId: next?.id, status: 'queued' })).toMatchObject({ status: 200 })
  await expect
    .poll(async () => (await fetched(mainOf(1))).map(({ status }) => status))
    .toEqual(['queued', 'queued', 'queued'])
  const stuck = (await fetched(mainOf(1)))[0]
  expect(await mainOf(1).internalPost(REPORT, { apiCallId: stuck?.id, status: 'queued' })).toMatchObject({
    status: 200,
    body: { takeOver: true },
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
      const ids = [await main.post('/api/test/run', {}), await main.post('/api/test/run', {})]
      const claims = ids.map(({ body }) => main.internalPost(REPORT, { apiCallId: body.taskId, status: 'queued' }))
      const statuses = (await Promise.all(claims)).map(({ status }) => status)
      expect(statuses.sort()).toEqual(expected)
    }
  } finally {
    await Promise.all([limited.stop(), unlimited.stop()])
  }
})
