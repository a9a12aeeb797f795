/** Whatever users, providers and operators write is shown as text: nothing of it runs, is loaded, or leads elsewhere. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { TaskEvent } from '@/protocol/index.js'
import type { TestPage } from '../support/browser.js'
import { events, plantTask } from '../support/tasks.js'
import { AS_OPERATOR, expectQuiet, failure, IMAGE, startConsole, type TestConsole } from './console.js'

const RUNS = 'globalThis.injected=(globalThis.injected??0)+1'
const HTML = `"><img src=x onerror="${RUNS}"><script>${RUNS}</script><svg onload="${RUNS}">`
const LINK = `javascript:${RUNS}`
/** In an address it is also a path, and a query. */
const KEY = `../<b onclick=${RUNS}>?#%`
const USER = `${HTML}'`

let console: TestConsole
let page: TestPage
beforeAll(async () => {
  console = await startConsole()
  const { controller } = console.main.component
  const failed = failure(1, `code${HTML}`.slice(0, 200), `message${HTML}`)
  await plantTask(controller, { taskKey: KEY, userId: USER, events: [events.queued(1, 2000), failed] })
  const processing = { ...events.processing(1), providerTask: { id: HTML, attempt: 1 } } as TaskEvent
  const files = [
    { key: LINK, url: LINK, mimeType: 'image/png' },
    { key: HTML, url: 'https://elsewhere.example/picture.png', mimeType: 'image/png' },
    { key: '../console/main.js', url: '//elsewhere.example', mimeType: `image/${HTML}` },
    { key: 'x', url: `data:text/html,${HTML}`, mimeType: 'text/html' },
  ]
  const result = { files, note: HTML, constructor: undefined, __html: HTML, type: 'script', props: { children: HTML } }
  const completed = { ...events.completed(1), result } as TaskEvent
  const waiting = {
    type: 'waiting',
    attempt: 1,
    runId: 'run-1',
    waitingFor: { code: `waits${HTML}`.slice(0, 200), message: HTML, since: 1, nextTryAt: null },
  } as TaskEvent
  await plantTask(
    controller,
    { taskKey: 'hostile-waiting', userId: USER, events: [events.queued(1, 4e9), processing, waiting] },
    IMAGE,
  )
  await plantTask(
    controller,
    { taskKey: 'hostile-result', userId: USER, events: [events.queued(1, 4e9), processing, completed] },
    IMAGE,
  )
  await console.main.post('/api/testAsyncTask/pause', { by: HTML.slice(0, 200), reason: HTML }, AS_OPERATOR)
})
afterAll(() => console?.stop())
afterEach(async () => {
  const links = await page.page.$$eval('a[href], [src], form[action]', (all) =>
    all.map((one) => one.getAttribute('href') ?? one.getAttribute('src') ?? one.getAttribute('action') ?? ''),
  )
  expect(links.filter((link) => !/^(#|\.\.\/artifacts\/[^/]*$|main\.js$|style\.css$|data:,$)/.test(link))).toEqual([])
  expect(await page.page.$$('body script, [onerror], [onload], [onclick], body style')).toEqual([])
  await expectQuiet(page)
})

it('on the overview', async () => {
  page = await console.open()
  await page.sees(`: ${HTML.replace(/\s+/g, ' ')}`, '.notice.held')
  await page.sees(`code"><img src=x`, '.failures')
})

it('in the list, and its filters', async () => {
  page = await console.open({
    hash: `#/tasks?user=${encodeURIComponent(USER)}&code=${encodeURIComponent(HTML)}&id=${encodeURIComponent(LINK)}`,
  })
  await page.sees('No task matches')
  expect(await page.page.$eval('[name=user]', (field) => (field as HTMLInputElement).value)).toBe(USER)
  await page.at(`#/tasks?user=${encodeURIComponent(USER)}`)
  await page.sees(KEY, '.tasks')
  await page.click('link', KEY)
  await page.heading(`Task ${KEY}`)
  await page.sees(`message${HTML.slice(0, 20)}`, '.notice.bad')
  await page.sees(USER.slice(0, 30), '.facts')
})

it('in a result, and what the provider named', async () => {
  page = await console.open()
  // What is no file of main is asked of main alone, and is not there.
  page.expectProblems(/status of 404 .*\/artifacts\//)
  await page.at('#/tasks/hostile-result')
  await page.sees('Result, as JSON')
  await page.unfold()
  await page.sees('"__html"')
  await page.sees(HTML.slice(0, 30), '.facts')
})

it('in what a task waits for', async () => {
  page = await console.open({ hash: '#/tasks/hostile-waiting' })
  await page.sees(`waits${HTML.slice(0, 20)}`, '.notice.held')
})

it('in the record of acts', async () => {
  page = await console.open({ hash: '#/acts' })
  await page.sees(HTML.slice(0, 40), 'tbody')
})

it('in the address', async () => {
  page = await console.open()
  for (const hash of [
    '#/%',
    '#/tasks/%E0%A4%A',
    `#/${HTML}`,
    '#/acts?integration=%3Cscript%3E',
    '#//elsewhere.example',
    '#javascript:alert(1)',
  ]) {
    page.expectProblems(/status of 404/)
    await page.at(hash)
    await page.until('some page', () => document.querySelector('h1') !== null)
  }
})
