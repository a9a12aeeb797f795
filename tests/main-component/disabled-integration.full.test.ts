/** An integration that is disabled takes no more tasks, and lets those that it has come to their end. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type MainProcess, startMainProcess, startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

let enabledMain: TestMain
let production: MainProcess
beforeAll(async () => {
  const databaseUrl = await createDatabase()
  enabledMain = await startTestMain({ databaseUrl })
  production = await startMainProcess({
    CONFIG_MODE: 'prod',
    DATABASE_URL: databaseUrl,
    MAIN_URL: 'https://main.example',
    MAIN_PUBLIC_URL: 'https://app.example',
    ALLOW_ANONYMOUS: 'true',
  })
})
afterAll(async () => {
  await Promise.all([enabledMain?.stop(), production?.stop()])
})

it('in production test tasks cannot be asked for, and the API document does not offer it', async () => {
  expect(await production.post('/api/test/run', {})).toMatchObject({ status: 404, body: { error: 'Not found' } })
  expect((await production.internalGet(`${TEST_API}/fetchPendingTasks`)).body).toEqual({ tasks: [] })
  const { paths } = (await production.get('/openapi.json')).body
  expect(paths).not.toHaveProperty('/api/test/run')
  expect(paths).toHaveProperty('/api/video/generate')
})

it('what was under way is reported, and shown to who asked for it', async () => {
  const { controller } = enabledMain.component
  const id = await plantTask(controller, { events: [events.queued(1, 2e9), events.processing(1)] })
  const report = {
    apiCallId: id,
    attempt: 1,
    runId: 'run-1',
    status: 'completed',
    result: { success: true, steps: [] },
  }
  expect(await production.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, report)).toMatchObject({ status: 200 })
  expect(await production.get(`/api/test/tasks/${await taskKeyOf(controller, id)}`)).toMatchObject({
    status: 200,
    body: { status: 'completed' },
  })
})
