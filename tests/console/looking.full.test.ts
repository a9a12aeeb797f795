/** The console's pages, as an operator sees them in a browser, over ten thousand tasks. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { TaskEvent } from '@/protocol/index.js'
import type { TestPage } from '../support/browser.js'
import { events } from '../support/tasks.js'
import {
  AS_OPERATOR,
  expectQuiet,
  failure,
  IMAGE,
  plantMany,
  startConsole,
  storeFile,
  type TestConsole,
} from './console.js'

let console: TestConsole
let page: TestPage
beforeAll(async () => {
  console = await startConsole({ maxTasksInFlight: 10 })
  await plantMany(console)
})
afterAll(() => console?.stop())
afterEach(() => expectQuiet(page))

const ids = () => page.page.$$eval('.tasks tbody a[href^="#/tasks/"]', (links) => links.map((link) => link.textContent))

describe('overview', () => {
  it('has each integration, with its counts, limit, rates, durations and failures', async () => {
    page = await console.open()
    await page.sees('5,0', '.tiles')
    expect(await page.page.$$eval('.panel h2', (names) => names.map((name) => name.textContent))).toEqual(
      expect.arrayContaining(['fangzhouVideoGeneration', 'nanobanana2ImageGeneration', 'testAsyncTask']),
    )
    await page.sees('of 10')
    await page.sees('deadline_exceeded', '.failures')
    await page.sees('Completed')
    const plot = await page.page.waitForSelector('.plot svg')
    expect(await plot?.evaluate((svg) => svg.getAttribute('aria-label'))).toMatch(/^Of the last 1 h: \d+ completed/)
    await page.click('button', 'last day')
    await page.until('a day’s plot', () =>
      document.querySelector('.plot svg')?.getAttribute('aria-label')?.startsWith('Of the last 1 d'),
    )
  })

  it('leads to the list of what it counts', async () => {
    page = await console.open()
    await page.click('link', 'deadline_exceeded')
    await page.heading('Tasks')
    await page.until('filters in the address', () => location.hash.includes('code=deadline_exceeded'))
    await page.sees('deadline_exceeded', '.tasks')
  })
})

describe('list', () => {
  it('has its filters in the address, and the form fills from it', async () => {
    page = await console.open({ hash: '#/tasks?status=failed&user=anna' })
    await page.until('annas failures', () => document.querySelectorAll('.tasks tbody tr').length > 0)
    expect(await page.page.$eval('[name=user]', (field) => (field as HTMLInputElement).value)).toBe('anna')
    expect(
      await page.page.$$eval('.tasks tbody .status', (all) => [...new Set(all.map((one) => one.textContent))]),
    ).toEqual(['failed'])
    await page.choose('Status', 'completed')
    await page.until('the other status in the address', () => location.hash === '#/tasks?status=completed&user=anna')
    await page.sees('completed', '.tasks')
    await page.page.goBack()
    await page.until(
      'the first filter again',
      () => document.querySelector<HTMLSelectElement>('[name=status]')?.value === 'failed',
    )
    await page.click('link', 'Clear')
    await page.until('no filter', () => location.hash === '#/tasks')
  })

  it('takes text and times, in the reader’s zone', async () => {
    page = await console.open({ hash: '#/tasks' })
    await page.fill('Id has', 'planted-00')
    await page.press('Enter')
    await page.until('ten of them', () => document.querySelectorAll('.tasks tbody tr').length === 10)
    await page.page.$eval('[name=createdFrom]', (field) => {
      ;(field as HTMLInputElement).value = '2030-01-01T10:00:00'
      field.dispatchEvent(new Event('change', { bubbles: true }))
    })
    await page.sees('No task matches')
    const asked = await page.page.evaluate(() => [
      new URLSearchParams(location.hash.split('?')[1]).get('createdFrom'),
      String(new Date('2030-01-01T10:00:00').getTime() / 1000),
    ])
    expect(asked[0]).toBe(asked[1])
  })

  it('pages both ways', async () => {
    page = await console.open({ hash: '#/tasks' })
    await page.sees('These are the newest')
    const first = await ids()
    expect(first).toHaveLength(50)
    await page.click('link', 'Older →')
    await page.until('older ones', () => location.hash.includes('after='))
    await page.until('another page', (one) => document.querySelector('.tasks tbody a')?.textContent !== one, first[0])
    const second = await ids()
    expect(second.filter((id) => first.includes(id))).toEqual([])
    await page.click('link', '← Newer')
    await page.until('the first page', (one) => document.querySelector('.tasks tbody a')?.textContent === one, first[0])
    expect(await ids()).toEqual(first)
  })

  it('shows what happens, without being asked', async () => {
    page = await console.open({ hash: '#/tasks?user=watched' })
    await page.sees('No task matches')
    await page.sees('Live', '.connection')
    await console.plant({ taskKey: 'watched-1', userId: 'watched' })
    const { body } = await console.main.post(
      '/api/testAsyncTask/cancelTask',
      { apiCallId: 'watched-1', by: 'x' },
      AS_OPERATOR,
    )
    expect(body).toMatchObject({ success: true })
    await page.sees('cancelled', '.tasks')
  })
})

describe('task', () => {
  it('tells its story: attempts, timeline, claim, what it waits for', async () => {
    const at = Date.now() / 1000
    await console.plant({
      taskKey: 'storied',
      userId: 'anna',
      createdAt: at - 100,
      events: [
        events.queued(1, at + 300),
        events.processing(1),
        {
          ...(failure(1, 'provider_error', 'It answered 500') as Extract<TaskEvent, { type: 'failed' }>),
          retryable: true,
          dueAt: at + 3600,
        },
      ],
    })
    page = await console.open({ hash: '#/tasks/storied' })
    await page.heading('Task storied')
    await page.sees('provider_error')
    await page.sees('not due', '.notice.held')
    await page.sees('1 of', '.facts')
    expect(await page.page.$eval('.drawing svg', (svg) => svg.getAttribute('aria-label'))).toMatch(
      /attempt 1 .*, attempt 2 waits/,
    )
    expect(await page.page.$$eval('.events b', (all) => all.map((one) => one.textContent))).toEqual([
      'queued',
      'processing',
      'failed',
    ])
    await page.sees(`testAsyncTask:`, '[aria-label="Attempts"]')
    expect(await page.page.$eval('details.fold', (fold) => (fold as HTMLDetailsElement).open)).toBe(false)
  })

  it('shows the files of its result', async () => {
    const image = await storeFile(console.main, 'image-shown-1.png', 'image/png')
    const done: TaskEvent[] = [events.queued(1, 4e9), events.processing(1)]
    const completed = { ...events.completed(1), result: { image, note: 'fine' } } as TaskEvent
    await console.plant({ taskKey: 'shown', events: [...done, completed] }, IMAGE)
    page = await console.open({ hash: '#/tasks/shown' })
    await page.until(
      'a picture that has loaded',
      () => (document.querySelector<HTMLImageElement>('.file img')?.naturalWidth ?? 0) > 0,
    )
  })

  it('says that there is no such task', async () => {
    page = await console.open()
    page.expectProblems(/status of 404 .*nobody-knows/)
    await page.at('#/tasks/nobody-knows')
    await page.sees('Task not found', '.notice')
  })

  it('follows what happens to it', async () => {
    await console.plant({ taskKey: 'followed' })
    page = await console.open({ hash: '#/tasks/followed' })
    await page.sees('Live', '.connection')
    await page.sees('pending', '.title')
    await console.main.post('/api/testAsyncTask/cancelTask', { apiCallId: 'followed', by: 'x' }, AS_OPERATOR)
    await page.sees('cancelled', '.title')
  })
})

it('has the focus at the heading of each page that one goes to', async () => {
  page = await console.open()
  for (const [link, heading] of [
    ['Tasks', 'Tasks'],
    ['Acts', 'Acts of operators'],
    ['Overview', 'Overview'],
  ] as const) {
    await page.click('link', link)
    await page.heading(heading)
    // The link that was clicked may say the same.
    await page.until('the focus there', (text) => document.activeElement?.closest('h1')?.textContent === text, heading)
    expect(await page.page.title()).toBe(`${heading} · console`)
  }
})
