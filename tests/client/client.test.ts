/** The client against a real main: how tasks are asked for, waited for, listed and cancelled. */
import { afterAll, beforeAll, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { createClient, RefusedError, TaskClientError, TaskEndedError } from '@/client/index.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { events, plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

const definitions = {
  testAsyncTask: {
    requestSchema: () => z.object({ kind: z.literal('simple'), message: z.string().default('hello') }),
    resultSchema: z.object({ success: z.boolean(), steps: z.array(z.string()) }),
  },
}
const ROUTES = { testAsyncTask: { namespace: 'test', create: 'run' } }
const TOKEN = 'annas-own-token-0001'
const REPORT = `${TEST_API}/reportTestAsyncTaskResult`

let main: TestMain
beforeAll(async () => {
  main = await startTestMain({ auth: { mode: 'tokens', tokens: [{ user: 'anna', token: TOKEN }] } })
})
afterAll(() => main.stop())

function clientOf({ token = TOKEN, send = fetch }: { token?: string; send?: typeof fetch } = {}) {
  return createClient<typeof definitions>({ baseUrl: `${main.url}/`, token: () => token, routes: ROUTES, fetch: send })
    .testAsyncTask
}

async function complete(apiCallId: string, steps: string[]) {
  const run = { apiCallId, attempt: 1, runId: 'run-1' }
  await main.internalPost(REPORT, { apiCallId, status: 'queued' })
  await main.internalPost(REPORT, { ...run, status: 'begin', createIntent: false })
  await main.internalPost(REPORT, { ...run, status: 'completed', result: { success: true, steps } })
}

it('gives the result, and each thing that happens on the way once', async () => {
  const tasks = clientOf()
  expectTypeOf(tasks.create).parameter(0).toEqualTypeOf<{ kind: 'simple'; message?: string | undefined }>()
  const task = await tasks.create({ kind: 'simple' })
  expect(await task.get()).toMatchObject({ taskId: task.id, status: 'pending' })
  const seen: string[] = []
  const waiting = tasks.task(task.id).result({ onProgress: ({ type }) => seen.push(type) })
  await complete(await main.rowIdOf(task.id), ['one'])
  const result = await waiting
  expectTypeOf(result).toEqualTypeOf<{ success: boolean; steps: string[] }>()
  expect(result).toEqual({ success: true, steps: ['one'] })
  expect(seen).toEqual(['queued', 'begun', 'processing', 'completed'])
})

it('asks for one task, however often the request has to be sent', async () => {
  const lost: Array<string | null> = []
  const send: typeof fetch = async (url, init) => {
    const response = await fetch(url, init)
    if (lost.length === 2) return response
    lost.push(new Headers(init?.headers).get('idempotency-key'))
    if (lost.length === 1) throw new TypeError('The answer was lost')
    return new Response('{"error":"Main is busy"}', { status: 503, headers: { 'retry-after': '0' } })
  }
  const before = (await clientOf().list()).tasks.length
  const task = await clientOf({ send }).create({ kind: 'simple' })
  expect(new Set(lost).size).toBe(1)
  const { tasks } = await clientOf().list({ status: 'pending' })
  expect(tasks.map(({ taskId }) => taskId)).toContain(task.id)
  expect((await clientOf().list()).tasks).toHaveLength(before + 1)
})

it('waits on where main cannot be reached meanwhile', async () => {
  let failures = 2
  const send: typeof fetch = (url, init) => {
    if (init?.method === 'GET' && failures-- > 0) throw new TypeError('connection refused')
    return fetch(url, init)
  }
  const task = await clientOf({ send }).create({ kind: 'simple' })
  const waiting = task.result()
  await complete(await main.rowIdOf(task.id), [])
  expect(await waiting).toEqual({ success: true, steps: [] })
  expect(failures).toBeLessThan(0)
})

it('tells why a task has ended without a result', async () => {
  const task = await clientOf().create({ kind: 'simple' })
  await task.cancel()
  await expect(task.result()).rejects.toMatchObject({ name: 'TaskEndedError', taskId: task.id, status: 'cancelled' })
  await expect(task.cancel()).rejects.toMatchObject({ code: 'HTTP_409', retryable: false })

  const { controller } = main.component
  const failed = [events.queued(1, 0), { ...events.failed(1, 0, false) }]
  const id = await plantTask(controller, { userId: 'anna', events: failed })
  const ended = clientOf()
    .task(await taskKeyOf(controller, id))
    .result()
  await expect(ended).rejects.toBeInstanceOf(TaskEndedError)
  await expect(ended).rejects.toMatchObject({ code: 'broken', status: 'failed' })
})

it('leaves the task as it is where the wait is given up', async () => {
  const task = await clientOf().create({ kind: 'simple' })
  const giveUp = new AbortController()
  const waiting = task.result({ signal: giveUp.signal })
  giveUp.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  expect((await task.get()).status).toBe('pending')
})

it('says what main refuses, and does not ask again', async () => {
  const refused = clientOf({ token: 'nobodys-token-000001' }).create({ kind: 'simple' })
  await expect(refused).rejects.toBeInstanceOf(RefusedError)
  await expect(refused).rejects.toMatchObject({ status: 401, retryable: false })
  const elsewhere: typeof fetch = async () => new Response('<html>')
  await expect(clientOf({ send: elsewhere }).create({ kind: 'simple' })).rejects.toMatchObject({ code: 'UNREADABLE' })
})

it('gives up asking after the time that it is given', async () => {
  const away = createClient<typeof definitions>({ baseUrl: 'http://127.0.0.1:1', routes: ROUTES, retryForMs: 100 })
  const asked = away.testAsyncTask.create({ kind: 'simple' })
  await expect(asked).rejects.toBeInstanceOf(TaskClientError)
  await expect(asked).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true })
})

it('lists one’s own a page at a time', async () => {
  await Promise.all([1, 2].map(() => clientOf().create({ kind: 'simple' })))
  const first = await clientOf().list({ limit: 1 })
  const second = await clientOf().list({ limit: 1, ...(first.next !== null && { after: first.next }) })
  expect(new Set([...first.tasks, ...second.tasks].map(({ taskId }) => taskId)).size).toBe(2)
})
