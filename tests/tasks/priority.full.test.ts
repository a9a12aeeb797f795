/** Tasks of a higher priority are claimed first, and of one priority the oldest, however many others wait. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '@/client/index.js'
import { API_CALL_FIELDS, selectTasks } from '@/tasks/apis/fetch-pending-tasks.js'
import { databaseOf, databaseTime, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'

const RUN = '/api/test/run'

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(database === 'PGLite' ? {} : { databaseUrl: await createDatabase() })
  })
  afterAll(() => main?.stop())
  afterEach(() =>
    inTransaction(main.component.controller, 'clean', () =>
      databaseOf(main.component.controller).query(
        `DELETE FROM ${physicalEntity(main.component.controller, TEST_TASKS.apiCall).table}`,
        [],
      ),
    ),
  )

  const plant = (task: PlantedTask) => plantTask(main.component.controller, task)
  type Listed = { tasks: Array<{ id: string; taskKey: string }> }
  const fetched = async (limit = 100) =>
    (await main.internalGet(`${TEST_API}/fetchPendingTasks?limit=${limit}`)).body as Listed
  const claimed = async (limit = 100) =>
    (await main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit })).body as Listed
  const ids = ({ tasks }: Listed) => tasks.map(({ id }) => id)

  it('whatever has become of them, and whether they are fetched or claimed', async () => {
    const now = await reading(main.component.controller, 'now', () => databaseTime(main.component.controller))
    const once = [events.queued(1, now), events.failed(1, now - 1)]
    const old = await plant({ createdAt: 1 })
    const low = await plant({ createdAt: 0, priority: -5 })
    const high = await plant({ createdAt: 5, priority: 3 })
    const failed = await plant({ createdAt: 6, priority: 3, events: once })
    const delayed = await plant({ createdAt: 7, priority: 4, state: { dueAt: now - 1 } })
    const stuck = await plant({ createdAt: 8, priority: 2, events: [events.queued(1, now - 1)] })
    const zero = await plant({ createdAt: 2, priority: 0 })
    const inOrder = [delayed, high, failed, stuck, old, zero, low]
    expect(ids(await fetched())).toEqual(inOrder)
    expect(ids(await fetched(3))).toEqual(inOrder.slice(0, 3))
    expect(ids(await claimed(3))).toEqual(inOrder.slice(0, 3))
    expect(ids(await claimed())).toEqual(inOrder.slice(3))
  })

  it('is given when a task is asked for, and kept with its idempotency key', async () => {
    const key = { 'idempotency-key': '"first"' }
    const first = await main.post(RUN, { message: 'hello' })
    const second = await main.post(RUN, { message: 'hello', priority: 7 }, key)
    const { testAsyncTask } = createClient<Record<'testAsyncTask', object>>({
      baseUrl: main.url,
      routes: { testAsyncTask: { namespace: 'test', create: 'run' } },
    })
    const { id: third } = await testAsyncTask.create({} as never, { priority: 8 })
    const keys = (await fetched()).tasks.map(({ taskKey }) => taskKey)
    expect(keys).toEqual([third, second.body.taskId, first.body.taskId])
    expect(await main.post(RUN, { message: 'hello', priority: 6 }, key)).toMatchObject({ status: 422 })
  })

  it.each([101, -101, 1.5, '1', null])('cannot be %j', async (priority) => {
    const { status, body } = await main.post(RUN, { message: 'hello', priority })
    expect({ status, body }).toMatchObject({ status: 400, body: { fields: [{ field: 'priority' }] } })
  })

  it('is not sorted for: only the first are read', async () => {
    const { controller } = main.component
    await multiplyTask(controller, TEST_TASKS, await plant({ createdAt: 1 }), 10_000)
    await multiplyTask(controller, TEST_TASKS, await plant({ createdAt: 2, priority: 1 }), 10_000)
    const first = await plant({ createdAt: 3, priority: 2 })
    const limits = { limit: 10, maxAttempts: 5, stuckTimeoutSeconds: 300, maxTasksInFlight: Number.POSITIVE_INFINITY }
    const sql = selectTasks(physicalEntity(controller, TEST_TASKS.apiCall), API_CALL_FIELDS, limits)
    const [explained] = await reading(controller, 'explain', () =>
      databaseOf(controller).query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
        [],
      ),
    )
    const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = explained?.['QUERY PLAN'][0].Plan ?? {}
    expect(hit + read).toBeGreaterThan(0)
    expect(hit + read).toBeLessThan(70)
    expect(ids(await fetched())[0]).toBe(first)
    expect(ids(await claimed(1))).toEqual([first])
  })
})
