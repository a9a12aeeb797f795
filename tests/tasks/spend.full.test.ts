/** What is spent, by day, user and integration: added with the outcome, once, whoever reports how often. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOf, inTransaction } from '@/tasks/database/sql.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }
const prices = { currency: 'USD', create: 40_000, units: { tokens: { price: 15, per: 1 } } }
const result = { success: true, steps: [] }
const error = { code: 'broken', message: 'It broke' }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  /** A second one over the same database, where it can have one. */
  let other: TestMain
  beforeAll(async () => {
    const options = {
      operatorToken: 'operator-token-0123456789',
      money: { prices, budget: { perDay: 90_000_000 } },
      ...(database === 'PostgreSQL' && { databaseUrl: await createDatabase() }),
    }
    main = await startTestMain(options)
    other = database === 'PostgreSQL' ? await startTestMain(options) : main
  })
  afterAll(() => Promise.all([main?.stop(), other === main ? undefined : other?.stop()]))

  const stats = async (query = '') => {
    const { body } = await other.get(`/api/operator/stats?integration=testAsyncTask${query}`, OPERATOR)
    return body.integrations[0].spend
  }
  /** One that is being worked on: what its run reports further. */
  const begun = async (userId?: string) => {
    const apiCallId = await plantTask(main.component.controller, userId === undefined ? {} : { userId })
    const { body } = await main.internalPost(REPORT, { apiCallId, status: 'queued' })
    const run = { apiCallId, attempt: body.attempt, runId: randomUUID() }
    const report = async (rest: object) => {
      const { status, body } = await other.internalPost(REPORT, { ...run, ...rest })
      expect({ status, body }).toMatchObject({ status: 200 })
    }
    await report({ status: 'begin' })
    return { apiCallId, report }
  }
  const task = async (apiCallId: string) =>
    (await main.get(`/api/operator/tasks/${await taskKeyOf(main.component.controller, apiCallId)}`, OPERATOR)).body

  it('sums charges by day, month and user, and what may have been charged apart', async () => {
    expect(await stats()).toMatchObject({ currency: 'USD', today: { charged: 0, ambiguous: 0 }, byDay: [], users: [] })
    const anna = await begun('anna')
    await anna.report({ status: 'processing', providerTask: { id: 'made-1', attempt: 1 } })
    const { today: before, reserved } = await stats()
    expect({ before, reserved }).toEqual({ before: { charged: 0, ambiguous: 0 }, reserved: 40_000 })
    const done = { status: 'completed', result, usage: [{ attempt: 1, units: { tokens: 1000 } }] }
    await anna.report(done)
    await anna.report(done)
    const ben = await begun('ben')
    await ben.report({ status: 'failed', error, retryable: false })
    const nobody = await begun()
    await nobody.report({ status: 'processing' })
    await nobody.report({ status: 'completed', result })

    const all = { charged: 55_000, ambiguous: 40_000 }
    const ofAnna = { charged: 15_000, ambiguous: 0 }
    const spend = await stats('&user=anna')
    expect(spend).toMatchObject({ today: all, month: all, days30: all, reserved: 0 })
    expect(spend.byDay).toEqual([{ day: new Date().toISOString().slice(0, 10), ...all }])
    expect(spend.ofUser).toEqual({ user: 'anna', today: ofAnna, month: ofAnna, days30: ofAnna })
    expect(spend.users).toEqual([
      { user: null, charged: 40_000, ambiguous: 0 },
      { user: 'anna', ...ofAnna },
      { user: 'ben', charged: 0, ambiguous: 40_000 },
    ])
    expect(spend).toMatchObject({ budget: { perDay: 90_000_000, perMonth: null }, budgetPerUser: null })

    expect(await task(anna.apiCallId)).toMatchObject({
      spend: { currency: 'USD', charged: 15_000, ambiguous: 0 },
      runs: [{ charge: { amount: 15_000, currency: 'USD', basis: 'usage' } }],
    })
    expect(await task(ben.apiCallId)).toMatchObject({
      spend: { charged: 0, ambiguous: 40_000 },
      runs: [{ charge: { amount: 40_000, basis: 'ambiguous' } }],
    })
    const { body } = await other.get('/api/operator/stats?integration=fangzhouVideoGeneration', OPERATOR)
    expect(body.integrations).toMatchObject([{ spend: null }])
  })

  it('a correction is counted for the day of what it corrects, and of earlier days this month and 30 are told', async () => {
    const dora = await begun('dora')
    await dora.report({ status: 'failed', error, retryable: true })
    const sql = (text: string, values: unknown[] = []) =>
      inTransaction(main.component.controller, 'sql', () => databaseOf(main.component.controller).query(text, values))
    const then = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10)
    await sql(`UPDATE "TaskSpend" SET period = $1 WHERE who = '=dora' AND length(period) = 10`, [then])
    const { ofUser } = await stats('&user=dora')
    const lost = { charged: 0, ambiguous: 40_000 }
    expect(ofUser).toMatchObject({ today: { charged: 0, ambiguous: 0 }, month: lost, days30: lost })

    const key = await taskKeyOf(main.component.controller, dora.apiCallId)
    await main.post(`${TEST_API}/retryTask`, { apiCallId: key, by: 'ops' }, OPERATOR)
    const { body } = await main.internalPost(REPORT, { apiCallId: dora.apiCallId, status: 'queued' })
    const run = { apiCallId: dora.apiCallId, attempt: body.attempt, runId: 'run-2' }
    await main.internalPost(REPORT, { ...run, status: 'begin' })
    const usage = [
      { attempt: 1, units: {} },
      { attempt: 2, units: { tokens: 2 } },
    ]
    await main.internalPost(REPORT, { ...run, status: 'processing', providerTask: { id: 'made-2', attempt: 2 } })
    await main.internalPost(REPORT, { ...run, status: 'completed', result, usage })
    expect((await stats('&user=dora')).ofUser.month).toEqual({ charged: 30, ambiguous: 0 })
    expect(await task(dora.apiCallId)).toMatchObject({
      spend: { charged: 30, ambiguous: 0 },
      runs: [{ charge: { amount: 0, basis: 'usage' } }, { charge: { amount: 30, basis: 'usage' } }],
    })
  })

  it('many that end at once are all counted', async () => {
    const before = (await stats()).today.charged
    const runs = await Promise.all(Array.from({ length: 12 }, (_, index) => begun(`user-${index % 2}`)))
    const usage = [{ attempt: 1, units: { tokens: 7 } }]
    await Promise.all(runs.map(({ report }) => report({ status: 'failed', error, retryable: false, usage })))
    expect((await stats()).today.charged - before).toBe(12 * 105)
    expect((await stats('&user=user-1')).ofUser.today.charged).toBe(6 * 105)
  })

  it.each([
    [{ usage: [{ attempt: 1, units: { tokens: 1.5 } }] }],
    [{ usage: [{ attempt: 1, units: { tokens: -1 } }] }],
    [{ usage: [{ attempt: 1, units: { 'a b': 1 } }] }],
  ])('%j is refused, and counts nothing', async (rest) => {
    const { apiCallId } = await begun()
    const before = await stats()
    const report = { apiCallId, attempt: 1, runId: 'run-1', status: 'completed', result, ...rest }
    expect(await main.internalPost(REPORT, report)).toMatchObject({ status: 400 })
    expect(await stats()).toEqual(before)
  })
})
