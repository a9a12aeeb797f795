/** What operators set while main runs: pauses and limits, over two mains at once. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseOf, inTransaction, physicalEntity } from '@/tasks/database/sql.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let databaseUrl: string | undefined
  let main: TestMain
  /** A second one over the same database, where it can have one. */
  let other: TestMain
  beforeAll(async () => {
    databaseUrl = database === 'PostgreSQL' ? await createDatabase() : undefined
    const options = {
      operatorToken: 'operator-token-0123456789',
      maxTasksInFlight: 3,
      ...(databaseUrl && { databaseUrl }),
    }
    main = await startTestMain(options)
    other = databaseUrl ? await startTestMain(options) : main
  })
  afterAll(() => Promise.all([main?.stop(), other === main ? undefined : other?.stop()]))
  afterEach(async () => {
    await act('resume')
    await act('setLimits', { maxTasksInFlight: null, maxTasksInFlightPerUser: null })
    await inTransaction(main.component.controller, 'clean', () =>
      databaseOf(main.component.controller).query(
        `DELETE FROM ${physicalEntity(main.component.controller, TEST_TASKS.apiCall).table}`,
        [],
      ),
    )
  })

  const act = (name: string, rest: object = {}) => main.post(`${TEST_API}/${name}`, { by: 'anna', ...rest }, OPERATOR)
  const state = async () => (await other.get(`${TEST_API}/integrationState`, OPERATOR)).body
  const plant = (task: PlantedTask = {}) => plantTask(main.component.controller, task)
  const fetched = async () => (await other.internalGet(`${TEST_API}/fetchPendingTasks`)).body.tasks.length
  const claim = (waitSeconds = 0, limit = 10) =>
    other.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit, waitSeconds })
  const claimed = async (limit?: number) => (await claim(0, limit)).body.tasks.length
  const claimOne = (apiCallId: string) => other.internalPost(REPORT, { apiCallId, status: 'queued' })

  it('paused: nothing new is claimed, what is in flight goes on, and who asks is told', async () => {
    const running = await plant({ events: [events.queued(1, 4e9)] })
    const id = await plant()
    expect(await act('pause', { reason: 'the provider is down' })).toMatchObject({ status: 200 })
    expect(await fetched()).toBe(0)
    expect((await claim()).body).toEqual({ tasks: [], claimed: false, suspects: [] })
    expect(await claimOne(id)).toMatchObject({ status: 409, body: { reason: 'paused', status: 'pending' } })
    const begin = { apiCallId: running, status: 'begin', attempt: 1, runId: 'run-1' }
    expect(await other.internalPost(REPORT, begin)).toMatchObject({ status: 200 })
    const stuck = await plant({ events: [events.queued(1, 1)] })
    expect(await claimOne(stuck)).toMatchObject({ status: 200, body: { takeOver: true } })
    expect((await other.post('/api/test/run', {})).status).toBe(200)

    const key = await taskKeyOf(main.component.controller, id)
    const since = expect.any(Number)
    expect((await other.get(`/api/test/tasks/${key}`)).body.waitingFor).toMatchObject({ code: 'paused', since })
    const paused = { since, who: 'operator', by: 'anna', why: 'the provider is down' }
    expect(await state()).toMatchObject({ paused, inFlight: 2 })
    const { acts } = (await other.get(`${TEST_API}/operatorActs?limit=1`, OPERATOR)).body
    expect(acts).toMatchObject([
      { act: 'pause', who: 'operator', by: 'anna', why: 'the provider is down', outcome: { paused, limits: {} } },
    ])
  })

  it('a parked claim of another main is answered once it is resumed', async () => {
    await plant()
    await act('pause', { reason: 'maintenance' })
    const parked = claim(20)
    await other.internalGet('/health')
    expect((await act('resume', { reason: 'all well' })).body).toMatchObject({ paused: null })
    expect((await parked).body.tasks).toHaveLength(1)
  })

  it('limits set at run time count instead of the configured ones, until they are cleared', async () => {
    for (const userId of ['anna', 'anna', 'anna', 'anna', 'ben', 'ben']) await plant({ userId })
    expect((await act('setLimits', { maxTasksInFlight: 1 })).body).toMatchObject({
      maxTasksInFlight: { configured: 3, set: 1 },
      maxTasksInFlightPerUser: { configured: null, set: null },
    })
    expect([await fetched(), await claimed(), await claimed()]).toEqual([1, 1, 0])
    await act('setLimits', { maxTasksInFlight: 10, maxTasksInFlightPerUser: 2 })
    expect([await fetched(), await claimed(), await fetched()]).toEqual([3, 3, 0])
    const cleared = await act('setLimits', { maxTasksInFlightPerUser: null })
    expect(cleared.body).toMatchObject({ maxTasksInFlight: { set: 10 }, maxTasksInFlightPerUser: { set: null } })
    expect(await claimed(1)).toBe(1)
    expect((await act('setLimits', { maxTasksInFlight: null })).body).toMatchObject({ inFlight: 5 })
    expect(await claimed()).toBe(0)
  })

  it.each([
    ['pause', {}, 'reason'],
    ['pause', { reason: ' ' }, 'reason'],
    ['pause', { reason: 'x', by: '' }, 'by'],
    ['setLimits', {}, 'maxTasksInFlight'],
    ['setLimits', { maxTasksInFlight: -1 }, 'maxTasksInFlight'],
    ['setLimits', { maxTasksInFlightPerUser: 0 }, 'maxTasksInFlightPerUser'],
    ['resume', { until: 1 }, 'until'],
  ])('%s is refused with %j', async (name, rest, field) => {
    expect(await act(name, rest)).toMatchObject({ status: 400, body: { fields: [{ field }] } })
    expect(await main.post(`${TEST_API}/${name}`, { by: 'mallory', reason: 'x' })).toMatchObject({ status: 401 })
  })

  // PGLite has one connection: nothing begins while something changes.
  if (database !== 'PGLite') {
    it('a claim that begins while a setting changes waits for it, and goes by it', async () => {
      const id = await plant()
      await act('pause', { reason: 'for a while' })
      await act('resume')
      const changing = new pg.Client({ connectionString: databaseUrl as string })
      await changing.connect()
      try {
        await changing.query('BEGIN')
        const lock = `${TEST_TASKS.apiCall}:control`
        await changing.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lock])
        const answers = [claim(), claimOne(id)]
        const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ShareLock'`
        const early = Promise.race(answers).then(() => 'one is answered before')
        const bothWait = async () => {
          for (;;) if ((await changing.query(waiting)).rows.length === 2) return 'both wait'
        }
        expect(await Promise.race([early, bothWait()])).toBe('both wait')
        const { table, column } = physicalEntity(main.component.controller, 'IntegrationControl')
        await changing.query(`UPDATE ${table} SET ${column('paused')} = $1`, [{ since: 1, who: '', by: '', why: '' }])
        await changing.query('COMMIT')
        const [batch, alone] = await Promise.all(answers)
        expect(batch?.body.tasks).toEqual([])
        expect(alone).toMatchObject({ status: 409, body: { reason: 'paused' } })
      } finally {
        await changing.end()
      }
    })
  }
})

it('where only operators limit, tasks that may not join hide none that may be taken over', async () => {
  const operatorToken = 'operator-token-0123456789'
  const main = await startTestMain({ operatorToken, databaseUrl: await createDatabase() })
  try {
    const { controller } = main.component
    await main.post(`${TEST_API}/setLimits`, { by: 'anna', maxTasksInFlight: 1 }, OPERATOR)
    await plantTask(controller)
    const stuck = await plantTask(controller, { events: [events.queued(1, 1)] })
    const claim = () => main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 1 })
    expect((await claim()).body.tasks).toMatchObject([{ id: stuck }])
    expect((await claim()).body).toMatchObject({ tasks: [], claimed: false })
  } finally {
    await main.stop()
  }
})
