/** What the overview tells beside counts: which daemons ask, what runs wait for, what was spent; and a task let through. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { spellDaemon } from '@/protocol/daemon-identity.js'
import type { TaskEvent } from '@/protocol/index.js'
import type { TestPage } from '../support/browser.js'
import { TEST_TOKEN } from '../support/main.js'
import { events, TEST_API } from '../support/tasks.js'
import { AS_OPERATOR, expectQuiet, startConsole, type TestConsole } from './console.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const PANEL = 'section:has(a[href="#/tasks?integration=testAsyncTask"])'
/** One task uses the day's budget up. */
const money = { prices: { currency: 'USD', create: 40_000, units: {} }, budget: { perDay: 40_000 } }

let console: TestConsole
let page: TestPage
beforeAll(async () => {
  console = await startConsole({ money })
})
afterAll(() => console?.stop())
afterEach(() => expectQuiet(page))

it('names the daemons that asked, with version and state', async () => {
  page = await console.open()
  await page.sees('None was heard from within an hour', '[aria-label="Daemons"]')
  await page.sees('No daemon has asked for its tasks lately', PANEL)
  const daemon = spellDaemon({ name: 'daemon-a1', version: '9.8.7', state: 'draining' })
  const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'async-task-daemon': daemon }
  await console.main.post(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 1 }, headers)
  await page.sees('daemon-a1 9.8.7 draining testAsyncTask', '[aria-label="Daemons"]')
  await page.sees('Daemons: 0, 1 stopping', PANEL)
})

it('tells whose tasks wait', async () => {
  for (const [index, userId] of ['ben', 'ben', 'anna'].entries())
    await console.plant({ taskKey: `waits-${index}`, userId })
  page = await console.open()
  await page.sees('Pending by user: ben 2, anna 1', PANEL)
  for (const index of [0, 1, 2])
    await console.main.post(`${TEST_API}/cancelTask`, { apiCallId: `waits-${index}`, by: 'x' }, AS_OPERATOR)
})

it('says what runs wait for', async () => {
  const now = Date.now() / 1000
  const waitingFor = {
    code: 'rate_limited',
    message: 'The provider asks for a pause',
    since: now,
    nextTryAt: now + 500,
  }
  const waiting: TaskEvent = { type: 'waiting', attempt: 1, runId: 'run-1', waitingFor }
  await console.plant({ taskKey: 'held-up', events: [events.queued(1, 4e9), events.processing(1), waiting] })
  page = await console.open()
  await page.sees('1 run held up: rate limited', PANEL)
  await page.sees('tried again in 8 min', PANEL)
  await console.main.post(`${TEST_API}/cancelTask`, { apiCallId: 'held-up', by: 'x' }, AS_OPERATOR)
  await page.until('nothing held up', (panel) => document.querySelector(`${panel} .notice.held`) === null, PANEL)
})

it('tells what was spent, against the budget; a task that exceeds it is let through, with a reason', async () => {
  const apiCallId = await rowOf(await console.plant({ taskKey: 'paid', userId: 'anna' }))
  const { body } = await console.main.internalPost(REPORT, { apiCallId, status: 'queued' })
  const run = { apiCallId, attempt: body.attempt, runId: randomUUID() }
  for (const report of [
    { status: 'begin' },
    { status: 'processing' },
    { status: 'completed', result: { success: true, steps: [] } },
  ])
    expect(await console.main.internalPost(REPORT, { ...run, ...report })).toMatchObject({ status: 200 })
  page = await console.open()
  await page.sees('Today 0.04 USD of 0.04 USD', PANEL)
  await page.sees('anna 0.04 USD', `${PANEL} .users`)
  await page.sees('Spent today (UTC) 0.04 USD', '.tiles')

  await console.plant({ taskKey: 'too-dear', createdAt: Date.now() / 1000 - 5 })
  await page.at('#/tasks/too-dear')
  await page.sees('It waits: over budget', '.notice.held')
  await page.click('button', 'Let through …')
  await page.fill('Reason, for the record', 'it is urgent')
  await page.click('button', 'Let it through')
  await page.sees('an operator lets it through', '.facts')
  const { acts } = (await console.main.get(`${TEST_API}/operatorActs?limit=1`, AS_OPERATOR)).body
  expect(acts).toMatchObject([{ act: 'letThrough', task: 'too-dear', by: 'Olga', why: 'it is urgent' }])
  await page.at('#/tasks/paid')
  await page.sees('0.04 USD', '[aria-label="Attempts"]')
})

async function rowOf(taskId: string): Promise<string> {
  return (await console.main.get(`/api/operator/tasks/${taskId}`, AS_OPERATOR)).body.apiCallId
}
