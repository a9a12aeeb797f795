/** No more tasks of one user in flight than one may have, and whoever has a free place does not wait for the others. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { API_CALL_FIELDS, selectTasks } from '@/tasks/apis/fetch-pending-tasks.js'
import { databaseOf, databaseTime, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'

const MAX = 2
const REPORT = `${TEST_API}/reportTestAsyncTaskResult`

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  /** A second one over the same database, where it can have one. */
  let other: TestMain
  beforeAll(async () => {
    const options = {
      maxTasksInFlightPerUser: MAX,
      ...(database === 'PostgreSQL' && { databaseUrl: await createDatabase() }),
    }
    main = await startTestMain(options)
    other = database === 'PostgreSQL' ? await startTestMain(options) : main
  })
  afterAll(() => Promise.all([main?.stop(), other === main ? undefined : other?.stop()]))
  afterEach(() =>
    inTransaction(main.component.controller, 'clean', async () => {
      // Copies get the same ids again.
      for (const name of [TEST_TASKS.apiCall, TEST_TASKS.integrationEvent]) {
        const { table } = physicalEntity(main.component.controller, name)
        await databaseOf(main.component.controller).query(`DELETE FROM ${table}`, [])
      }
    }),
  )

  const calls = () => physicalEntity(main.component.controller, TEST_TASKS.apiCall)
  const plant = (task: PlantedTask) => plantTask(main.component.controller, task)
  const copies = (id: string, count: number) => multiplyTask(main.component.controller, TEST_TASKS, id, count)
  const now = () => reading(main.component.controller, 'now', () => databaseTime(main.component.controller))
  const tasksOf = async (asked: ReturnType<TestMain['internalGet']>) => {
    const { status, body } = await asked
    expect({ status, body }).toMatchObject({ status: 200 })
    return (body as { tasks: Array<{ id: string }> }).tasks.map(({ id }) => id)
  }
  const fetched = (limit = 100) => tasksOf(main.internalGet(`${TEST_API}/fetchPendingTasks?limit=${limit}`))
  const claimed = (limit = 100) =>
    tasksOf(main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit }))
  const claim = (apiCallId: string) => main.internalPost(REPORT, { apiCallId, status: 'queued' })

  it('one that has none left waits, new, due or tried before; it may be taken over; nobody’s tasks are one user’s', async () => {
    const time = await now()
    const inFlight = { userId: 'anna', events: [events.queued(1, time - 1)] }
    const stuck = await plant({ createdAt: 0, ...inFlight })
    const [a1, a2] = [await plant({ createdAt: 1, userId: 'anna' }), await plant({ createdAt: 2, userId: 'anna' })]
    const b1 = await plant({ createdAt: 3, userId: 'ben', state: { dueAt: time - 1 } })
    const once = [events.queued(1, time), events.failed(1, time - 1)]
    const b2 = await plant({ createdAt: 4, userId: 'ben', events: once })
    const b3 = await plant({ createdAt: 5, userId: 'ben' })
    const [n1, n2, n3] = [await plant({ createdAt: 6 }), await plant({ createdAt: 7 }), await plant({ createdAt: 8 })]

    const within = [stuck, a1, b1, b2, n1, n2]
    expect(await fetched()).toEqual(within)
    expect(await fetched(3)).toEqual(within.slice(0, 3))
    expect(await claim(a1)).toMatchObject({ status: 200 })
    expect(await claim(a2)).toMatchObject({ status: 409, body: { reason: 'user_at_capacity', status: 'pending' } })
    expect(await claimed()).toEqual([stuck, b1, b2, n1, n2])
    for (const id of [a2, b3, n3]) expect(await claim(id)).toMatchObject({ status: 409 })
    const cancel = { apiCallId: b1, by: 'ben' }
    await main.internalPost(`${TEST_API}/cancelTask`, cancel)
    expect(await claimed()).toEqual([b3])
  })

  it.each<[string, PlantedTask]>([
    ['new', {}],
    ['due at a time of their own', { state: { dueAt: 1 } }],
  ])('many tasks of a user without a free place are not walked: those that are %s', async (_title, given) => {
    const first = await plant({ createdAt: 1, userId: 'flood', priority: 1, ...given })
    await copies(first, 20_000)
    expect(await claimed(1)).toHaveLength(1)
    // One more of the flood has a place.
    const ben = await plant({ createdAt: 2, userId: 'ben' })
    const cleo = await plant({ createdAt: 3, userId: 'cleo', state: { dueAt: 2 } })
    await plant({ createdAt: 4, userId: 'dora', state: { dueAt: 4e9 } })
    await databaseOf(main.component.controller).scheme(`VACUUM ANALYZE ${calls().table}`)
    expect((await fetched()).slice(1)).toEqual([ben, cleo])

    const limits = { limit: 10, maxAttempts: 5, stuckTimeoutSeconds: 300, maxTasksInFlightPerUser: MAX }
    const sql = selectTasks(calls(), API_CALL_FIELDS, limits)
    const [explained] = await reading(main.component.controller, 'explain', () =>
      databaseOf(main.component.controller).query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
        [],
      ),
    )
    const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = explained?.['QUERY PLAN'][0].Plan ?? {}
    expect(hit + read).toBeGreaterThan(0)
    expect(hit + read).toBeLessThan(1500)

    expect((await claimed()).slice(1)).toEqual([ben, cleo])
    expect(await claimed()).toEqual([])
  })

  it('whoever of very many users waits has a turn', async () => {
    const first = await plant({ createdAt: 1, userId: 'flood' })
    await copies(first, 500)
    expect(await claimed()).toHaveLength(MAX)
    const { table, column } = calls()
    const someone = await plant({ createdAt: 2, userId: 'someone' })
    await copies(someone, 3000)
    const sql = `UPDATE ${table} SET ${column('userId')} = 'user-' || ${column('taskKey')} WHERE ${column('userId')} = 'someone'`
    await inTransaction(main.component.controller, 'users', () => databaseOf(main.component.controller).query(sql, []))
    const seen = new Set<string>()
    for (let look = 0; look < 12; look += 1) for (const id of await fetched()) seen.add(id)
    expect(seen.size).toBeGreaterThan(400)
  })

  it('of all claims at once, in both ways and by two mains, only so many of each user win', async () => {
    const users = ['anna', 'ben', 'cleo']
    const planted: Array<[id: string, user: string]> = []
    for (let index = 0; index < 18; index += 1) {
      const userId = users[index % 3] as string
      planted.push([await plant({ createdAt: index, userId }), userId])
    }
    const batches = [0, 1, 2, 3].map((index) =>
      (index % 2 ? other : main).internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 2 }),
    )
    const alone = planted.map(([apiCallId], index) =>
      (index % 2 ? other : main).internalPost(REPORT, { apiCallId, status: 'queued' }),
    )
    await Promise.all([...batches, ...alone])
    const tasks = new TaskReader(main.component.controller, TEST_TASKS)
    const inFlight = new Map(users.map((user) => [user, 0]))
    for (const [id, user] of planted) {
      if ((await tasks.find(id))?.state.status === 'queued') inFlight.set(user, (inFlight.get(user) ?? 0) + 1)
    }
    expect(Object.fromEntries(inFlight)).toEqual({ anna: MAX, ben: MAX, cleo: MAX })
  })
})
