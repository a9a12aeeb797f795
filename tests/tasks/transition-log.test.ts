/** Main's log of what happens to a task, and what it says a task waits for that nobody has claimed. */
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'

interface Line {
  msg: string
  level: number
  [field: string]: unknown
}
const INFO = pino.levels.values.info
const DEBUG = pino.levels.values.debug
const result = { success: true, steps: [] }
const run = { attempt: 1, runId: 'run-1' }

const lines: Line[] = []
const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
let main: TestMain
beforeAll(async () => {
  main = await startTestMain({ logger, maxTasksInFlight: 1 })
})
afterAll(() => main.stop())
beforeEach(() => {
  lines.length = 0
})

const report = (apiCallId: string, rest: object) =>
  main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId, ...rest })
const told = () => lines.filter(({ msg }) => msg === 'task moved' || msg === 'task event')
const moves = () => told().filter(({ msg }) => msg === 'task moved')
const shown = async (id: string) => (await main.get(`/api/test/tasks/${id}`)).body

it('each move of a task is one line, with its ids, its attempt and how long the status before lasted', async () => {
  const createdAt = Date.now() / 1000 - 60
  const id = await plantTask(main.component.controller, { createdAt })
  const { taskKey } = (await new TaskReader(main.component.controller, TEST_TASKS).find(id)) ?? {}
  await report(id, { status: 'queued' })
  await report(id, { status: 'begin', ...run })
  await report(id, { status: 'processing', ...run })
  await report(id, { status: 'waiting', ...run, reason: { code: 'RateLimited', message: 'Not now' } })
  await report(id, { status: 'completed', ...run, result })

  const line = { namespace: 'testAsyncTask', apiCallId: id, taskKey, attempt: 1 }
  const move = { ...line, level: INFO, msg: 'task moved' }
  const event = { ...line, level: DEBUG, msg: 'task event' }
  expect(told()).toMatchObject([
    { ...move, from: 'pending', to: 'queued' },
    { ...event, event: 'begun' },
    { ...move, from: 'queued', to: 'processing' },
    { ...event, event: 'waiting', code: 'RateLimited' },
    { ...move, from: 'processing', to: 'completed' },
  ])
  const [pending, queued, processing] = moves().map(({ durationMs }) => durationMs as number)
  expect(pending).toBeGreaterThanOrEqual(60_000)
  expect(queued).toBeLessThan(60_000)
  expect(processing).toBeLessThan(60_000)
})

it('a failure’s line has its code, and not its words; what is refused moves nothing', async () => {
  const id = await plantTask(main.component.controller)
  await report(id, { status: 'queued' })
  const error = { code: 'overloaded', message: 'try later' }
  expect(await report(id, { status: 'failed', ...run, error, retryable: false })).toMatchObject({ status: 200 })
  expect(await report(id, { status: 'completed', ...run, result })).toMatchObject({ status: 409 })
  expect(moves()).toMatchObject([{ to: 'queued' }, { from: 'queued', to: 'failed', attempt: 1, code: 'overloaded' }])
  expect(JSON.stringify(told())).not.toContain('try later')
})

it('a task that nobody may claim yet says when that will be, or how many are in flight', async () => {
  const first = (await main.post('/api/test/run', {})).body.taskId
  const firstId = await main.rowIdOf(first)
  expect(await shown(first)).toMatchObject({ status: 'pending', waitingFor: null })
  await report(firstId, { status: 'queued' })
  expect(await shown(first)).toMatchObject({ status: 'queued', waitingFor: null })

  const second = (await main.post('/api/test/run', {})).body.taskId
  const full = { code: 'at_capacity', message: expect.stringMatching(/^1 of 1 tasks are in flight/) }
  expect(await shown(second)).toMatchObject({ status: 'pending', waitingFor: { ...full, nextTryAt: null } })

  const dueAt = 4_000_000_000
  const later = (await main.post('/api/test/run', { dueAt })).body.taskId
  const notDue = { code: 'not_due', message: 'Its start is due at 2096-10-02T07:06:40.000Z', nextTryAt: dueAt }
  expect(await shown(later)).toMatchObject({ status: 'pending', waitingFor: notDue })

  await report(firstId, { status: 'failed', ...run, error: { code: 'x', message: '' }, retryable: true })
  expect(await shown(second)).toMatchObject({ waitingFor: null })
  expect(await shown(first)).toMatchObject({ status: 'failed', waitingFor: { code: 'not_due' } })
})

it('an operator changes its level, and who did is in it', async () => {
  const change = (body: object) => main.internalPost('/api/operator/logLevel', body)
  expect(await main.internalGet('/api/operator/logLevel')).toEqual({ status: 200, body: { level: 'debug' } })
  expect((await change({ level: 'loud', by: 'anna' })).status).toBe(400)
  expect((await main.post('/api/operator/logLevel', { level: 'warn', by: 'anna' })).status).toBe(401)
  expect(await change({ level: 'warn', by: 'anna', reason: 'too much' })).toEqual({
    status: 200,
    body: { level: 'warn' },
  })
  expect(lines.at(-1)).toMatchObject({ msg: 'the log has another level', level: INFO, by: 'anna', reason: 'too much' })
  lines.length = 0
  await main.post('/api/test/run', {})
  expect(lines).toEqual([])
  await change({ level: 'debug', by: 'anna' })
})
