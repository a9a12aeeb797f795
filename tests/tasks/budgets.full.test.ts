/** Budgets: what they leave no place for waits and says so, and nobody else does; two mains never exceed them together. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { API_CALL_FIELDS, selectTasks } from '@/tasks/apis/fetch-pending-tasks.js'
import { budgetsInForce } from '@/tasks/budgets.js'
import { databaseOf, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }
const prices = { currency: 'USD', create: 10, units: { tokens: { price: 1, per: 1 } } }
/** Seven tasks of all, two of one user. */
const money = { prices, budget: { perDay: 75, perMonth: 1000 }, budgetPerUser: { perDay: 1000, perMonth: 25 } }
const result = { success: true, steps: [] }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  /** A second one over the same database, where it can have one. */
  let other: TestMain
  beforeAll(async () => {
    const databaseUrl = database === 'PostgreSQL' ? await createDatabase() : undefined
    const options = { operatorToken: 'operator-token-0123456789', money, ...(databaseUrl && { databaseUrl }) }
    main = await startTestMain(options)
    other = databaseUrl ? await startTestMain(options) : main
  })
  afterAll(() => Promise.all([main?.stop(), other === main ? undefined : other?.stop()]))

  const sql = (text: string, values: unknown[] = []) =>
    inTransaction(main.component.controller, 'sql', () => databaseOf(main.component.controller).query(text, values))
  afterEach(async () => {
    for (const name of [TEST_TASKS.apiCall, TEST_TASKS.integrationEvent]) {
      await sql(`DELETE FROM ${physicalEntity(main.component.controller, name).table}`)
    }
    await sql('DELETE FROM "TaskSpend"')
  })

  const calls = () => physicalEntity(main.component.controller, TEST_TASKS.apiCall)
  const plant = (task: PlantedTask = {}) => plantTask(main.component.controller, task)
  const tasksOf = async (asked: ReturnType<TestMain['internalGet']>) => {
    const { status, body } = await asked
    expect({ status, body }).toMatchObject({ status: 200 })
    return (body as { tasks: Array<{ id: string }> }).tasks.map(({ id }) => id)
  }
  const fetched = () => tasksOf(other.internalGet(`${TEST_API}/fetchPendingTasks?limit=100`))
  const claimed = (limit = 100, at = main, waitSeconds = 0) =>
    tasksOf(at.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit, waitSeconds }))
  const claim = (apiCallId: string, at = main) => at.internalPost(REPORT, { apiCallId, status: 'queued' })
  const shown = async (id: string) =>
    (await other.get(`/api/operator/tasks/${await taskKeyOf(main.component.controller, id)}`, OPERATOR)).body
  const letThrough = async (id: string) =>
    main.post(`${TEST_API}/letThrough`, { apiCallId: id, by: 'anna', reason: 'it is urgent' }, OPERATOR)
  /** Ends a claimed task, for which the provider charges so much. */
  const end = async (apiCallId: string, tokens: number) => {
    const run = { apiCallId, attempt: 1, runId: `run-${apiCallId}` }
    const usage = [{ attempt: 1, units: { tokens } }]
    expect(await other.internalPost(REPORT, { ...run, status: 'completed', result, usage })).toMatchObject({
      status: 200,
    })
  }
  const users = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`)

  it('tasks that would exceed the integration’s budget wait, and say so; it counts what was charged and what is in flight', async () => {
    const ids: string[] = []
    for (const userId of users(10)) ids.push(await plant({ userId, createdAt: ids.length }))
    expect(await claimed()).toEqual(ids.slice(0, 7))
    expect(await fetched()).toEqual([])
    const [eighth, ninth, tenth] = ids.slice(7) as [string, string, string]
    expect(await claim(eighth, other)).toMatchObject({
      status: 409,
      body: { reason: 'over_budget', status: 'pending' },
    })
    const tomorrow = new Date(new Date().setUTCHours(24, 0, 0, 0)).getTime() / 1000
    expect((await shown(eighth)).waitingFor).toEqual({
      code: 'over_budget',
      message: 'The integration’s budget of today is used up until 00:00 UTC',
      since: null,
      nextTryAt: tomorrow,
    })
    // Charged as was expected, nothing is gained; less frees a place, which wakes whoever waits.
    await end(ids[0] as string, 10)
    expect(await claimed()).toEqual([])
    const parked = claimed(100, other, 20)
    await end(ids[1] as string, 5)
    expect(await parked).toEqual([eighth])
    expect(await fetched()).toEqual([])
    await end(ids[2] as string, 0)
    expect(await fetched()).toEqual([ninth, tenth].slice(0, 2))
    expect(await claimed()).toEqual([ninth])
    expect(await claim(tenth)).toMatchObject({ status: 409, body: { reason: 'over_budget' } })
  })

  it('a user whose budget is used up waits, and those behind do not', async () => {
    const [a1, a2, a3] = [0, 1, 2].map(String)
    const ids = []
    for (const taskKey of [a1, a2, a3]) ids.push(await plant({ userId: 'anna', createdAt: Number(taskKey) }))
    const ben = await plant({ userId: 'ben', createdAt: 5, state: { dueAt: 1 } })
    expect(await fetched()).toEqual([ids[0], ids[1], ben])
    expect(await claimed()).toEqual([ids[0], ids[1], ben])
    const third = ids[2] as string
    expect(await claim(third, other)).toMatchObject({ status: 409, body: { reason: 'user_over_budget' } })
    await end(ids[0] as string, 10)
    await end(ids[1] as string, 10)
    expect(await claimed()).toEqual([])
    const { waitingFor } = await shown(third)
    expect(waitingFor).toMatchObject({
      code: 'user_over_budget',
      message: expect.stringMatching(/^The user’s budget of this month is used up until \d{4}-\d\d-01 00:00 UTC$/),
    })
    // Another month has begun.
    await sql(`UPDATE "TaskSpend" SET period = '2020-01' WHERE length(period) = 7`)
    expect(await claimed()).toEqual([third])
  })

  it('an operator lets one through, which is recorded; no limit but budgets is passed', async () => {
    const ids: string[] = []
    for (const userId of users(7)) ids.push(await plant({ userId, createdAt: ids.length }))
    expect(await claimed()).toHaveLength(7)
    const waiting = [await plant({ userId: 'anna', createdAt: 8 }), await plant({ userId: 'ben', createdAt: 9 })]
    const urgent = waiting[1] as string
    expect(await main.post(`${TEST_API}/letThrough`, { apiCallId: urgent, by: 'anna' }, OPERATOR)).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'reason' }] },
    })
    const parked = claimed(100, other, 20)
    expect(await letThrough(urgent)).toMatchObject({ status: 200, body: { status: 'pending' } })
    expect(await parked).toEqual([urgent])
    const { letThrough: isThrough, timeline, waitingFor } = await shown(urgent)
    expect({ isThrough, waitingFor }).toEqual({ isThrough: true, waitingFor: null })
    expect(timeline).toMatchObject([{ type: 'letThrough' }, { type: 'queued' }])
    const { acts } = (await main.get(`${TEST_API}/operatorActs?limit=1`, OPERATOR)).body
    expect(acts).toMatchObject([{ act: 'letThrough', by: 'anna', why: 'it is urgent', outcome: { status: 'pending' } }])
    expect(await letThrough(urgent)).toMatchObject({ status: 409, body: { reason: 'wrong_status' } })

    for (const again of [1, 2])
      expect([again, await letThrough(waiting[0] as string)]).toMatchObject([again, { status: 200 }])
    expect(await fetched()).toEqual([waiting[0]])
    await main.post(`${TEST_API}/pause`, { by: 'anna', reason: 'maintenance' }, OPERATOR)
    expect([await fetched(), await claimed()]).toEqual([[], []])
    expect(await claim(waiting[0] as string)).toMatchObject({ status: 409, body: { reason: 'paused' } })
    await main.post(`${TEST_API}/resume`, { by: 'anna' }, OPERATOR)
    expect(await claim(waiting[0] as string)).toMatchObject({ status: 200 })
  })

  it('of all claims at once, in both ways and by two mains, none exceeds a budget, however they end meanwhile', async () => {
    const planted: Array<[id: string, user: string]> = []
    for (const [index, userId] of [...users(3), ...users(3), ...users(3), ...users(3), 'x', 'y'].entries()) {
      planted.push([await plant({ userId, createdAt: index }), userId])
    }
    const tasks = new TaskReader(main.component.controller, TEST_TASKS)
    for (let round = 0; round < 4; round += 1) {
      const batches = [0, 1, 2, 3].map((index) => claimed(2, index % 2 ? other : main))
      const alone = planted.map(([id], index) => claim(id, index % 2 ? other : main))
      const states = await Promise.all(planted.map(([id]) => tasks.find(id)))
      const ending = states.filter((task) => task?.state.status === 'queued').slice(0, 2)
      await Promise.all([...batches, ...alone, ...ending.map((task) => end(task?.id ?? '', round % 2 ? 10 : 4))])

      const spent = (await main.get('/api/operator/stats?integration=testAsyncTask', OPERATOR)).body.integrations[0]
        .spend
      expect(spent.today.charged + spent.reserved).toBeLessThanOrEqual(75)
      for (const user of [...users(3), 'x', 'y']) {
        const own = planted.filter(([, of]) => of === user).map(([id]) => tasks.find(id))
        const inFlight = (await Promise.all(own)).filter((task) => task?.state.status === 'queued').length
        const { ofUser } = (await main.get(`/api/operator/stats?integration=testAsyncTask&user=${user}`, OPERATOR)).body
          .integrations[0].spend
        expect(ofUser.month.charged + 10 * inFlight).toBeLessThanOrEqual(25)
      }
    }
    const spent = (await main.get('/api/operator/stats?integration=testAsyncTask', OPERATOR)).body.integrations[0].spend
    expect(spent.today.charged + spent.reserved).toBeGreaterThan(55)
  })

  it('many tasks of users over their budgets are not walked, and neither are sums of others', async () => {
    const first = await plant({ createdAt: 1, userId: 'flood', priority: 1 })
    await multiplyTask(main.component.controller, TEST_TASKS, first, 20_000)
    const month = new Date().toISOString().slice(0, 7)
    await sql(
      `INSERT INTO "TaskSpend" SELECT $1, who, period, 'USD', 0, 20, 0 FROM (SELECT '=flood' AS who UNION ALL` +
        " SELECT '=user ' || n FROM generate_series(1, 10000) AS n) AS users," +
        " (SELECT $2 AS period UNION ALL SELECT $2 || '-' || day FROM generate_series(10, 28) AS day) AS periods",
      [TEST_TASKS.apiCall, month],
    )
    const ben = await plant({ createdAt: 2, userId: 'ben' })
    const cleo = await plant({ createdAt: 3, userId: 'cleo', state: { dueAt: 2 } })
    for (const table of [calls().table, '"TaskSpend"']) {
      await databaseOf(main.component.controller).scheme(`VACUUM ANALYZE ${table}`)
    }
    expect(await fetched()).toEqual([ben, cleo])

    const tasks = new TaskReader(main.component.controller, TEST_TASKS)
    const budgets = await reading(main.component.controller, 'budgets', () => budgetsInForce(tasks, money, prices))
    const limits = { limit: 10, maxAttempts: 5, stuckTimeoutSeconds: 300, budgets }
    const blocksOf = async (text: string) => {
      const [explained] = await reading(main.component.controller, 'explain', () =>
        databaseOf(main.component.controller).query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
          `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
          [],
        ),
      )
      const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = explained?.['QUERY PLAN'][0].Plan ?? {}
      return hit + read
    }
    const blocks = await blocksOf(selectTasks(calls(), API_CALL_FIELDS, limits))
    expect(blocks).toBeGreaterThan(0)
    expect(blocks).toBeLessThan(1500)
    expect(await claimed()).toEqual([ben, cleo])

    // One that is let through is found beside all of them.
    const through = await plant({ createdAt: 4, userId: 'flood', events: [] })
    await letThrough(through)
    expect(await claimed()).toEqual([through])

    const asked: string[] = []
    const { spendOf } = await import('@/tasks/operators/spend.js')
    const watched = Object.assign(Object.create(tasks), {
      rules: { ...money, policy: { prices } },
      query: (text: string, values: unknown[]) => {
        const literal = (value: unknown) => (typeof value === 'string' ? `'${value}'` : String(value))
        asked.push(text.replace(/\$(\d)/g, (_, place) => literal(values[Number(place) - 1])))
        return tasks.query(text, values)
      },
    })
    expect(await spendOf(watched, 'user 77')).toMatchObject({ ofUser: { month: { charged: 20 } } })
    expect(asked.length).toBeGreaterThan(3)
    for (const text of asked) expect(await blocksOf(text), text).toBeLessThan(200)
  })

  it('failed attempts that are tried again go by budgets too', async () => {
    const once = [events.queued(1, 300), events.failed(1, 0)]
    for (const userId of users(8)) await plant({ userId, events: once })
    expect(await claimed()).toHaveLength(7)
  })
})
