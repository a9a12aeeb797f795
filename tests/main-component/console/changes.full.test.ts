/** `GET operator/changes` where several mains share a database. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ChangesStream, closeStreams } from '../../support/changes.js'
import { startTestMain, type TestMain } from '../../support/main.js'
import { createDatabase } from '../../support/shared.js'
import { plantTask, TEST_API, taskKeyOf } from '../../support/tasks.js'

const TOKEN = 'operator-token-0123456789'
const OPERATOR = { authorization: `Bearer ${TOKEN}` }
afterEach(closeStreams)

const create = async (main: TestMain): Promise<string> =>
  (await main.post('/api/test/run', { kind: 'simple', message: 'hello' })).body.taskId

let mains: TestMain[]
beforeAll(async () => {
  const databaseUrl = await createDatabase()
  mains = [await startTestMain({ databaseUrl, operatorToken: TOKEN })]
  mains.push(await startTestMain({ databaseUrl, operatorToken: TOKEN }))
})
afterAll(async () => {
  for (const main of mains) await main.stop()
})

it('each tells of what the other does', async () => {
  const [one, other] = mains as [TestMain, TestMain]
  const stream = await ChangesStream.open(one, OPERATOR)
  const taskId = await create(other)
  const told = new Set<string>()
  const until = async (taskId: string) => {
    while (!told.has(taskId)) for (const task of (await stream.next())?.tasks ?? []) told.add(task)
  }
  await until(taskId)
  const row = await plantTask(other.component.controller)
  const moved = await taskKeyOf(other.component.controller, row)
  await other.post(`${TEST_API}/cancelTask`, { apiCallId: row, by: 'ada' }, OPERATOR)
  await until(moved)
  await other.post(`${TEST_API}/pause`, { by: 'ada', reason: 'a test' }, OPERATOR)
  expect(await stream.next()).toMatchObject({ integrations: ['testAsyncTask'] })
})
