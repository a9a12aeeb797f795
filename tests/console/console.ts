/** A real main with planted tasks, and a browser at its console. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TaskEvent } from '@/protocol/index.js'
import { startBrowser, type TestBrowser, type TestPage } from '../support/browser.js'
import { startTestMain, type TestMain, type TestMainOptions } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, TEST_TASKS } from '../support/tasks.js'

export const OPERATOR_TOKEN = 'operator-token-0123456789'
export const AS_OPERATOR = { authorization: `Bearer ${OPERATOR_TOKEN}` }
const VIDEO = { apiCall: 'FangzhouVideoAPICall', integrationEvent: 'FangzhouVideoIntegrationEvent' }
export const IMAGE = { apiCall: 'Nanobanana2APICall', integrationEvent: 'Nanobanana2IntegrationEvent' }

export interface TestConsole {
  main: TestMain
  browser: TestBrowser
  /** Opens the console as somebody who has signed in. */
  open(options?: { hash?: string; colours?: 'light' | 'dark'; width?: number }): Promise<TestPage>
  /** Plants a task; gives its public id. */
  plant(task: PlantedTask & { taskKey: string }, names?: typeof TEST_TASKS): Promise<string>
  stop(): Promise<void>
}

export async function startConsole(options: TestMainOptions = {}): Promise<TestConsole> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase())
  const main = await startTestMain({ operatorToken: OPERATOR_TOKEN, databaseUrl, ...options })
  const browser = await startBrowser()
  return {
    main,
    browser,
    async open({ hash = '#/', ...look } = {}) {
      const page = await browser.open({ url: `${main.url}/console/`, ...look })
      await page.signIn(OPERATOR_TOKEN)
      await page.at(hash)
      return page
    },
    async plant(task, names = TEST_TASKS) {
      await plantTask(main.component.controller, task, names)
      return task.taskKey
    },
    async stop() {
      await browser.stop()
      await main.stop()
    },
  }
}

/** What every test of a page ends with: the browser had nothing to complain of. */
export async function expectQuiet(page: TestPage): Promise<void> {
  expect(page.problems).toEqual([])
  expect(await page.injected()).toBeNull()
  await page.close()
}

const now = () => Date.now() / 1000

export const failure = (attempt: number, code: string, message: string): TaskEvent => ({
  ...(events.failed(attempt, 0, false) as Extract<TaskEvent, { type: 'failed' }>),
  error: { code, message },
})

/** Tasks of every status, three integrations and several users; and ten thousand more. */
export async function plantMany(console: TestConsole, copies = 10_000): Promise<void> {
  const { controller } = console.main.component
  const plant = (task: PlantedTask, names = TEST_TASKS) => plantTask(controller, task, names)
  const at = now() - 3600
  for (let index = 0; index < 60; index += 1) {
    const userId = ['anna', 'ben', 'cleo', 'dora', 'emil'][index % 5] as string
    const task = { createdAt: at + index, taskKey: `planted-${String(index).padStart(3, '0')}`, userId }
    await plant(
      { ...task, events: STORIES[index % STORIES.length] as TaskEvent[] },
      [TEST_TASKS, VIDEO, IMAGE][Math.floor(index / 6) % 3],
    )
  }
  const old = await plant({
    createdAt: at - 7200,
    taskKey: 'copied-failure',
    userId: 'flood',
    events: STORIES[1] as TaskEvent[],
  })
  await multiplyTask(controller, TEST_TASKS, old, copies / 2)
  const waiting = await plant({
    createdAt: at - 9000,
    taskKey: 'copied-waiting',
    userId: 'patient',
    state: { dueAt: now() + 86_400 },
  })
  await multiplyTask(controller, TEST_TASKS, waiting, copies / 2)
}

const STORIES: TaskEvent[][] = [
  [],
  [events.queued(1, 2000), failure(1, 'deadline_exceeded', 'The provider took longer than 600 s')],
  [events.queued(1, 4e9)],
  [events.queued(1, 4e9), events.processing(1)],
  [events.queued(1, 4e9), events.processing(1), events.completed(1)],
  [events.cancelled(1)],
]

/** The smallest picture there is: one point. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)

/** Stores a file as an integration does; gives what a result says of it. */
export async function storeFile({ artifactsDir, url }: TestMain, key: string, mimeType: string, content = PNG) {
  await mkdir(artifactsDir, { recursive: true })
  await writeFile(join(artifactsDir, key), content)
  return { key, url: `${url}/artifacts/${key}`, mimeType, bytes: content.length, sha256: '0'.repeat(64) }
}
