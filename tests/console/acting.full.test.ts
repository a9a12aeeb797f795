/** What an operator does by the console: each act is agreed to, carried out, and recorded under their name. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { TestPage } from '../support/browser.js'
import { events } from '../support/tasks.js'
import { AS_OPERATOR, expectQuiet, failure, plantMany, startConsole, type TestConsole } from './console.js'

let console: TestConsole
let page: TestPage
beforeAll(async () => {
  console = await startConsole({ maxTasksInFlight: 10 })
  await plantMany(console)
})
afterAll(() => console?.stop())
afterEach(() => expectQuiet(page))

const get = async (path: string) => (await console.main.get(`/api/${path}`, AS_OPERATOR)).body
const broken = [events.queued(1, 2000), failure(1, 'broken', 'It broke')]
const lastAct = async () => (await get('testAsyncTask/operatorActs?limit=1')).acts[0]
const inDialog = 'dialog[open]'

describe('an integration', () => {
  it('is paused with a reason, and resumed', async () => {
    page = await console.open()
    await page.sees('testAsyncTask')
    const panel = 'section:has(a[href="#/tasks?integration=testAsyncTask"])'
    const button = (name: string) => page.page.locator(`${panel} ::-p-aria([name="${name}"][role="button"])`).click()
    await button('Pause …')
    await page.sees('Pause testAsyncTask', inDialog)
    // Without a reason the browser itself refuses.
    await page.click('button', 'Pause')
    expect(await page.page.$(inDialog)).not.toBeNull()
    await page.fill('Reason, for the record', 'the provider is down')
    await page.click('button', 'Pause')
    await page.sees('the provider is down', panel)
    await page.sees('paused', `${panel} .badge`)
    expect(await get('testAsyncTask/integrationState')).toMatchObject({
      paused: { by: 'Olga', why: 'the provider is down' },
    })
    await button('Resume …')
    await page.sees('It was paused by Olga', inDialog)
    await page.click('button', 'Resume')
    await page.sees('no daemon asks', `${panel} .badge`)
    expect(await get('testAsyncTask/integrationState')).toMatchObject({ paused: null })
  })

  it('gets other limits, and its own back', async () => {
    page = await console.open()
    const panel = 'section:has(a[href="#/tasks?integration=testAsyncTask"])'
    const limits = () => page.page.locator(`${panel} ::-p-aria([name="Limits …"][role="button"])`).click()
    await limits()
    await page.fill('Tasks in flight', '7')
    await page.click('button', 'Set limits')
    await page.sees('of 7 set by an operator', panel)
    expect(await get('testAsyncTask/integrationState')).toMatchObject({ maxTasksInFlight: { configured: 10, set: 7 } })
    await limits()
    await page.fill('Tasks in flight', '')
    await page.click('button', 'Set limits')
    await page.sees('of 10', panel)
    expect(await get('testAsyncTask/integrationState')).toMatchObject({ maxTasksInFlight: { set: null } })
  })
})

describe('a task', () => {
  it('is retried', async () => {
    await console.plant({ taskKey: 'to-retry', events: broken })
    page = await console.open({ hash: '#/tasks/to-retry' })
    await page.sees('failed', '.title')
    await page.click('button', 'Retry …')
    await page.fill('Reason, for the record (may be empty)', 'the provider is back')
    await page.click('button', 'Retry')
    await page.sees('retried', '.events')
    expect(await get('operator/tasks/to-retry')).toMatchObject({ retryable: true, dueAt: expect.any(Number) })
    expect(await lastAct()).toMatchObject({
      act: 'retryTask',
      task: 'to-retry',
      by: 'Olga',
      why: 'the provider is back',
    })
  })

  it('is retried after a warning, if its answer was lost', async () => {
    const lost = failure(1, 'create_answer_lost', 'It may have been made')
    await console.plant({ taskKey: 'lost', userId: 'lost', events: [events.queued(1, 2000), lost] })
    page = await console.open({ hash: '#/tasks/lost' })
    await page.click('button', 'Retry …')
    await page.sees('a retry may be charged twice', inDialog)
    await page.click('button', 'Go back')
    await page.at('#/tasks?user=lost')
    await page.click('button', 'Retry all …')
    await page.sees('a retry may be charged twice', inDialog)
  })

  it('is not touched by who goes back, or presses Escape', async () => {
    await console.plant({ taskKey: 'to-keep' })
    page = await console.open({ hash: '#/tasks/to-keep' })
    await page.click('button', 'Cancel …')
    await page.sees('cannot be undone', inDialog)
    await page.press('Escape')
    await page.until('no dialog', () => document.querySelector('dialog') === null)
    await page.until('the focus where it was', () => document.activeElement?.textContent === 'Cancel …')
    await page.click('button', 'Cancel …')
    await page.click('button', 'Go back')
    await page.until('no dialog', () => document.querySelector('dialog') === null)
    expect(await get('operator/tasks/to-keep')).toMatchObject({ status: 'pending' })
  })

  it('is cancelled', async () => {
    await console.plant({ taskKey: 'to-cancel' })
    page = await console.open({ hash: '#/tasks/to-cancel' })
    await page.click('button', 'Cancel …')
    await page.click('button', 'Cancel the task')
    await page.sees('cancelled', '.title')
    expect(await get('operator/tasks/to-cancel')).toMatchObject({ status: 'cancelled' })
    // There is nothing left to do with it.
    expect(
      await page.page.$$eval('.title button', (all) => all.map((one) => (one as HTMLButtonElement).disabled)),
    ).toEqual([true, true])
  })

  it('is retried by the keyboard alone', async () => {
    await console.plant({ taskKey: 'by-keyboard', userId: 'keys', events: broken })
    page = await console.open({ hash: '#/tasks?user=keys' })
    await page.sees('by-keyboard', '.tasks')
    const tabTo = async (name: string) => {
      for (let pressed = 0; pressed < 60; pressed += 1) {
        await page.press('Tab')
        const at = await page.page.evaluate(() => document.activeElement?.textContent?.trim())
        if (at === name) return
      }
      throw new Error(`Tab never reached ${name}`)
    }
    await tabTo('Skip to the content')
    await page.press('Enter')
    await tabTo('by-keyboard')
    await page.press('Enter')
    await page.heading('Task by-keyboard')
    await page.sees('failed', '.title')
    await tabTo('Retry …')
    // Whoever uses the keyboard sees where they are.
    expect(await page.page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).not.toBe(
      'none',
    )
    await page.press('Enter')
    await page.sees('Retry the task', inDialog)
    await tabTo('Retry')
    await page.press('Enter')
    await page.sees('retried', '.events')
  })
})

describe('many tasks', () => {
  const plantFlood = async (user: string, count: number) => {
    for (let index = 0; index < count; index += 1)
      await console.plant({ taskKey: `${user}-${String(index).padStart(3, '0')}`, userId: user, events: broken })
  }

  it('are counted, and retried by filter, with progress and a report', async () => {
    await plantFlood('retried', 120)
    page = await console.open({ hash: '#/tasks?user=retried&status=failed' })
    await page.click('button', 'Retry all …')
    await page.sees('120 tasks. Each gets one more attempt', inDialog)
    expect((await get('operator/tasks?user=retried&status=failed&limit=1')).tasks[0].dueAt).toBeNull()
    await page.fill('Reason, for the record (may be empty)', 'all well again')
    await page.click('button', 'Retry 120 tasks')
    await page.sees('120 of 120 retried.', inDialog)
    await page.click('button', 'Close')
    expect((await get('operator/tasks?user=retried&limit=1')).tasks[0].dueAt).not.toBeNull()
    expect(await lastAct()).toMatchObject({ act: 'retryMany', by: 'Olga', why: 'all well again' })
  })

  it('are stopped in the middle', async () => {
    page = await console.open({ hash: '#/tasks?user=nobody' })
    await page.click('button', 'Cancel all …')
    await page.sees('There is nothing to cancel', inDialog)
    await page.click('button', 'Go back')
    await page.at('#/tasks?user=patient')
    await page.until(
      'the patient ones',
      () => document.querySelector<HTMLInputElement>('[name=user]')?.value === 'patient',
    )
    await page.click('button', 'Cancel all …')
    await page.sees('5,001 tasks', inDialog)
    await page.click('button', 'Cancel 5,001 tasks')
    await page.sees('of 5,001 cancelled …', inDialog)
    await page.click('button', 'Stop')
    await page.sees('of 5,001 cancelled.', inDialog)
    const said = await page.text('.progress')
    const done = Number(/([\d,]+) of 5,001/.exec(said)?.[1]?.replace(',', ''))
    await page.click('button', 'Close')
    expect(done).toBeLessThan(5001)
    expect(
      await console.main.post(
        '/api/operator/cancelMany',
        { by: 'x', dryRun: true, filter: { user: 'patient' } },
        AS_OPERATOR,
      ),
    ).toMatchObject({
      body: { found: 5001 - done },
    })
  })

  it('are chosen one by one; what is refused is reported', async () => {
    await plantFlood('chosen', 3)
    page = await console.open({ hash: '#/tasks?user=chosen' })
    await page.click('checkbox', 'Choose task chosen-000')
    await page.click('checkbox', 'Choose task chosen-001')
    await page.sees('2 tasks chosen')
    // Somebody else was faster.
    await console.main.post('/api/testAsyncTask/retryTask', { apiCallId: 'chosen-000', by: 'x' }, AS_OPERATOR)
    await console.main.post('/api/testAsyncTask/cancelTask', { apiCallId: 'chosen-000', by: 'x' }, AS_OPERATOR)
    page.expectProblems(/status of 409/)
    await page.click('button', 'Retry chosen …')
    await page.click('button', 'Retry 2 tasks')
    await page.sees('1 of 2 retried.', inDialog)
    await page.sees('1 refused: It is cancelled: only what has failed can be retried', inDialog)
    await page.click('button', 'Close')
    await page.sees('None chosen')
    const { tasks } = await get('operator/tasks?user=chosen')
    expect(tasks.map(({ dueAt }: { dueAt: number | null }) => dueAt !== null)).toEqual([false, true, false])
  })

  it('are never all there are: without a filter nothing can be asked for', async () => {
    page = await console.open({ hash: '#/tasks' })
    await page.sees('All (set a filter first)')
    const group = '[aria-label="All tasks that the filters find"] button'
    expect(await page.page.$$eval(group, (all) => all.map((one) => (one as HTMLButtonElement).disabled))).toEqual([
      true,
      true,
    ])
    await page.click('checkbox', 'Choose all on this page')
    await page.sees('50 tasks chosen')
  })
})

it('shows who did what, and why', async () => {
  await console.main.post('/api/testAsyncTask/pause', { by: 'Ben', reason: 'a try' }, AS_OPERATOR)
  await console.main.post('/api/fangzhouVideoGeneration/pause', { by: 'Cleo', reason: 'another try' }, AS_OPERATOR)
  page = await console.open({ hash: '#/acts' })
  await page.sees('Ben pause testAsyncTask a try', 'tbody')
  await page.sees('Cleo', 'tbody tr:first-child')
  await page.choose('Integration', 'fangzhouVideoGeneration')
  await page.until('only its acts', () =>
    [...document.querySelectorAll('tbody tr')].every((row) => row.textContent?.includes('fangzhou')),
  )
  for (const integration of ['testAsyncTask', 'fangzhouVideoGeneration'])
    await console.main.post(`/api/${integration}/resume`, { by: 'Ben' }, AS_OPERATOR)
})
