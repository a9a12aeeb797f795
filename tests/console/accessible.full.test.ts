/** The console for everybody: no finding of axe on any page, dark and light, on a desk and on a phone. */
import axe from 'axe-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { TaskEvent } from '@/protocol/index.js'
import type { TestPage } from '../support/browser.js'
import { events } from '../support/tasks.js'
import { AS_OPERATOR, expectQuiet, failure, plantMany, startConsole, storeFile, type TestConsole } from './console.js'

let console: TestConsole
let page: TestPage
beforeAll(async () => {
  console = await startConsole({ maxTasksInFlight: 10, maxTasksInFlightPerUser: 3 })
  await plantMany(console, 200)
  const image = await storeFile(console.main, 'image-told-1.png', 'image/png')
  const completed = { ...events.completed(2), result: { image } } as TaskEvent
  const retryable = { ...failure(1, 'provider_error', 'It answered 500'), retryable: true } as TaskEvent
  await console.plant({
    taskKey: 'told',
    userId: 'a-user-with-quite-a-long-name@example.org',
    events: [
      events.queued(1, 4e9),
      events.processing(1),
      retryable,
      events.queued(2, 4e9),
      events.processing(2),
      completed,
    ],
  })
  await console.main.post('/api/testAsyncTask/pause', { by: 'Ben', reason: 'the provider is down' }, AS_OPERATOR)
})
afterAll(() => console?.stop())
afterEach(() => expectQuiet(page))

async function findings(): Promise<string[]> {
  await page.page.evaluate(axe.source)
  const found = await page.page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document)
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    )
  })
  // Nothing is cut off, or reached only by scrolling sideways.
  const tooWide = await page.page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  return tooWide > 0 ? [...found, `${tooWide} px too wide`] : found
}

const LOOKS = [
  { colours: 'light', width: 1280 },
  { colours: 'dark', width: 1280 },
  { colours: 'light', width: 360 },
  { colours: 'dark', width: 360 },
] as const

describe.each(LOOKS)('$colours, $width px', (look) => {
  it('signing in', async () => {
    page = await console.browser.open({ url: `${console.main.url}/console/`, ...look })
    await page.heading('Sign in')
    expect(await findings()).toEqual([])
  })

  it('the overview, and its dialogs', async () => {
    page = await console.open(look)
    await page.sees('the provider is down')
    expect(await findings()).toEqual([])
    await page.click('button', 'Limits …')
    await page.sees('Tasks in flight of one user', 'dialog')
    expect(await findings()).toEqual([])
  })

  it('the list, with tasks chosen, and the question about them', async () => {
    page = await console.open({ hash: '#/tasks', ...look })
    await page.click('checkbox', 'Choose all on this page')
    await page.sees('50 tasks chosen')
    expect(await findings()).toEqual([])
    await page.click('button', 'Cancel chosen …')
    await page.sees('50 tasks.', 'dialog')
    expect(await findings()).toEqual([])
  })

  it('a task', async () => {
    page = await console.open({ hash: '#/tasks/told', ...look })
    await page.sees('image-told-1.png')
    await page.unfold()
    expect(await findings()).toEqual([])
  })

  it('the acts', async () => {
    page = await console.open({ hash: '#/acts', ...look })
    await page.sees('the provider is down')
    expect(await findings()).toEqual([])
  })
})
