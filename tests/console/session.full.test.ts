/** Signing in to the console and out of it; and what it says while main is away. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { TestPage } from '../support/browser.js'
import { startTestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { expectQuiet, OPERATOR_TOKEN, startConsole, type TestConsole } from './console.js'

let console: TestConsole
let databaseUrl: string
let page: TestPage
beforeAll(async () => {
  databaseUrl = await createDatabase()
  console = await startConsole({ databaseUrl })
})
afterAll(() => console?.stop())
afterEach(() => expectQuiet(page))

it('lets in who has the operators’ token and a name, and nobody else', async () => {
  page = await console.browser.open({ url: `${console.main.url}/console` })
  page.expectProblems(/status of 401 .*\/console\/session$/)
  await page.heading('Sign in')
  await page.fill('Token', 'some-wrong-token-0123456789')
  await page.fill('Your name', 'Mallory')
  await page.click('button', 'Sign in')
  await page.sees('token is missing or wrong', '[role=alert]')
  await page.signIn(OPERATOR_TOKEN)
  await page.sees('Olga', '.who')
})

it('keeps one signed in over a reload, at the same page', async () => {
  page = await console.open({ hash: '#/tasks?status=failed' })
  await page.heading('Tasks')
  await page.page.reload()
  await page.heading('Tasks')
  expect(await page.page.evaluate(() => [document.cookie, location.hash])).toEqual(['', '#/tasks?status=failed'])
})

it('shows nothing once one has signed out', async () => {
  page = await console.open({ hash: '#/tasks' })
  await page.heading('Tasks')
  await page.click('button', 'Sign out')
  await page.heading('Sign in')
  page.expectProblems(/status of 401/)
  expect(await page.page.evaluate(async () => (await fetch('../api/operator/stats')).status)).toBe(401)
  await page.page.reload()
  await page.heading('Sign in')
})

it('asks to sign in again once the session is over', async () => {
  page = await console.open({ hash: '#/tasks' })
  await page.heading('Tasks')
  const [cookie] = await page.page.browserContext().cookies()
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
  page.expectProblems(/status of 401/)
  await page.page.browserContext().deleteCookie(cookie as never)
  // Not by a link: what it still loads may have shown that the session is over.
  await page.page.evaluate(() => {
    location.hash = '#/'
  })
  await page.heading('Sign in')
})

it('says when main is away, and goes on by itself', async () => {
  const options = { databaseUrl, operatorToken: OPERATOR_TOKEN }
  const first = await startTestMain(options)
  const port = Number(new URL(first.url).port)
  page = await console.browser.open({ url: `${first.url}/console/` })
  await page.signIn(OPERATOR_TOKEN)
  await page.sees('Live', '.connection')
  page.expectProblems(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/)
  await first.stop()
  await page.sees('Connection lost', '.connection')
  const second = await startTestMain({ ...options, port })
  try {
    await page.sees('Live', '.connection')
    await page.sees('testAsyncTask')
    await page.until('no failure', () => document.querySelector('.notice.bad') === null)
  } finally {
    await second.stop()
  }
})
