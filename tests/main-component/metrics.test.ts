/** Main's metrics: who may read them, that they are OpenMetrics, and that they tell what happened. */
import pino from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ServedMetrics } from '@/lib/metrics.js'
import { type CountedNumbers, countMetrics } from '@/main-component/count-metrics.js'
import { MAIN_METRICS } from '@/main-component/metrics.js'
import { newToken, startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { parseOpenMetrics, sampleOf } from '../support/openmetrics.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

const OPERATOR = 'operator-token-0123456789'
const METRICS = 'metrics-token-0123456789'
const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const integration = 'testAsyncTask'

const scrape = async (url: string, token?: string) => {
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const response = await fetch(new URL('/metrics', url), { headers, signal: AbortSignal.timeout(10_000) })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

describe('main', () => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain({ operatorToken: OPERATOR, metrics: { token: METRICS } })
  })
  afterAll(() => main.stop())

  it.each([
    ['nobody', undefined, 401],
    ['a wrong token', 'x'.repeat(20), 401],
    ['the operator', OPERATOR, 200],
    ['the token for metrics', METRICS, 200],
    ['the internal token', TEST_TOKEN, 200],
  ])('shows its metrics to %s: %s, %i', async (_who, token, status) => {
    expect(await scrape(main.url, token)).toMatchObject({ status })
  })

  it('opens nothing but the metrics to the token for metrics', async () => {
    const authorization = { authorization: `Bearer ${METRICS}` }
    expect((await main.get(`${TEST_API}/fetchPendingTasks`, authorization)).status).toBe(401)
    expect((await main.post(`${TEST_API}/cancelTask`, { apiCallId: '1' }, authorization)).status).toBe(401)
  })

  it('counts what happens to tasks, in text that a strict reader accepts', async () => {
    const { controller } = main.component
    const now = Date.now() / 1000
    const before = (await scrape(main.url, METRICS)).text
    const stuck = { createdAt: now - 900, events: [events.queued(1, now - 60)] }
    const waiting = await plantTask(controller, { createdAt: now - 500 })
    const taken = await plantTask(controller, stuck)
    const claim = (id: string) =>
      main.internalPost(REPORT, { apiCallId: id, status: 'queued', fencingToken: newToken() })
    expect((await claim(waiting)).status).toBe(200)
    expect((await claim(taken)).status).toBe(200)
    expect(await claim(taken)).toMatchObject({ status: 409, body: { reason: 'lease_held' } })
    const report = (status: object) =>
      main.internalPost(REPORT, { apiCallId: waiting, attempt: 1, runId: 'run-1', ...status })
    await report({ status: 'begin', createIntent: true })
    const error = { code: 'E42', message: `a secret ${await taskKeyOf(controller, waiting)}` }
    expect((await report({ status: 'failed', retryable: false, error })).status).toBe(200)

    const lost = await plantTask(controller, { events: [events.queued(1, now + 300)] })
    const run = { apiCallId: lost, attempt: 1, runId: 'run-2' }
    const answerLost = { code: 'create_answer_lost', message: 'It may have been made' }
    await main.internalPost(REPORT, { ...run, status: 'begin', createIntent: true })
    await main.internalPost(REPORT, {
      ...{ ...run, status: 'failed', error: answerLost },
      // An operator decides: nothing is open for the next attempt.
      ...{ retryable: false, providerEnded: true },
    })

    const { text, type } = await scrape(main.url, METRICS)
    expect(type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    const families = parseOpenMetrics(text)
    for (const name of Object.keys(MAIN_METRICS)) expect(families.has(name.replace(/_total$/, ''))).toBe(true)
    const grown = (name: string, labels = {}) =>
      (sampleOf(text, name, { integration, ...labels }) ?? 0) -
      (sampleOf(before, name, { integration, ...labels }) ?? 0)
    expect({
      claims: grown('asynctask_claims_total'),
      takeovers: grown('asynctask_takeovers_total'),
      refusals: grown('asynctask_refusals_total', { reason: 'lease_held' }),
      pickedUpWithinTenMinutes: grown('asynctask_pickup_duration_seconds_bucket', { le: '600' }),
      pickedUpWithinFive: grown('asynctask_pickup_duration_seconds_bucket', { le: '300' }),
      failed: grown('asynctask_attempts_total', { outcome: 'failed' }),
      coded: grown('asynctask_attempt_failures_total', { code: 'E42' }),
      ambiguous: grown('asynctask_ambiguous_creates_total'),
      queued: grown('asynctask_status_duration_seconds_count', { status: 'queued' }),
    }).toEqual({
      claims: 1,
      takeovers: 1,
      refusals: 1,
      pickedUpWithinTenMinutes: 1,
      pickedUpWithinFive: 0,
      failed: 2,
      coded: 1,
      ambiguous: 2,
      queued: 2,
    })
    expect(sampleOf(text, 'nodejs_eventloop_lag_p99_seconds')).toBeDefined()
    for (const secret of [OPERATOR, METRICS, TEST_TOKEN, 'a secret', await taskKeyOf(controller, waiting)]) {
      expect(text).not.toContain(secret)
    }
  })
})

describe('the tasks that have not ended', () => {
  it('are counted by status, with the age of the oldest that is due', async () => {
    const main = await startTestMain({ databaseUrl: await createDatabase(), metrics: { allowAnonymous: true } })
    try {
      const { controller } = main.component
      const now = Date.now() / 1000
      await plantTask(controller, { createdAt: now - 500 })
      await plantTask(controller, { createdAt: now - 100, state: { dueAt: now + 1000 } })
      await plantTask(controller, { createdAt: now - 900, events: [events.queued(1, now + 300)] })
      await plantTask(controller, { events: [events.queued(1, now + 300), events.processing(1)] })
      const { text } = await scrape(main.url)
      const counted = (status: string) => sampleOf(text, 'asynctask_tasks', { integration, status })
      expect(['pending', 'queued', 'processing', 'failed'].map(counted)).toEqual([2, 1, 1, 0])
      expect(sampleOf(text, 'asynctask_oldest_due_age_seconds', { integration })).toBeCloseTo(500, -1)
      expect(sampleOf(text, 'asynctask_database_up')).toBe(1)
      expect(sampleOf(text, 'asynctask_database_connections', { state: 'idle' })).toBeGreaterThan(0)
      expect(sampleOf(text, 'asynctask_database_connections', { state: 'waiting' })).toBe(0)
    } finally {
      await main.stop()
    }
  })

  it('tell what was spent, in the currency’s units', async () => {
    const spend = { currency: 'USD', day: 1_500_000, month: 2_000_001, ambiguousOfMonth: 40_000 }
    const counted = { counts: {}, oldestDueSeconds: 0, longestUncheckedSeconds: 0 }
    metrics = numbersOf(async () => ({ ...counted, spend }))
    const text = await metrics.read()
    const told = (name: string) => sampleOf(text, name, { integration: 'alpha', currency: 'USD' })
    expect(told('asynctask_spend_today')).toBe(1.5)
    expect(told('asynctask_spend_this_month')).toBe(2.000001)
    expect(told('asynctask_ambiguous_spend_this_month')).toBe(0.04)
  })

  const daemons = { running: 1, draining: 0, silent: 0, askedSecondsAgo: null }
  const numbersOf = (numbers: () => Promise<Omit<CountedNumbers[number][1], 'daemons'>>) =>
    countMetrics({
      database: {},
      logger: pino({ level: 'silent' }),
      readNumbers: async () => [['alpha', { ...(await numbers()), daemons }]],
    })
  let metrics: ServedMetrics | undefined
  afterEach(() => metrics?.stop())

  it('are counted once, however many scrapes come', async () => {
    let counted = 0
    metrics = numbersOf(async () => {
      counted += 1
      return { counts: { pending: 7 }, oldestDueSeconds: 3, longestUncheckedSeconds: 0 }
    })
    const { read } = metrics
    const texts = await Promise.all([read(), read(), read()])
    texts.push(await read())
    expect(counted).toBe(1)
    for (const text of texts) expect(sampleOf(text, 'asynctask_tasks', { status: 'pending' })).toBe(7)
  })

  it('are not told of while the database is away, and everything else is', async () => {
    metrics = numbersOf(() => Promise.reject(new Error('away')))
    const text = await metrics.read()
    expect(sampleOf(text, 'asynctask_tasks')).toBeUndefined()
    expect(sampleOf(text, 'asynctask_database_up')).toBe(0)
    expect(sampleOf(text, 'asynctask_build_info', { component: 'main' })).toBe(1)
  })
})
