import { MatchExp } from 'interaqt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inTransaction } from '@/tasks/database/sql.js'
import { newToken, startTestMain, type TestMain } from '../support/main.js'
import { events, plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const result = { success: true, steps: ['done'] }

let main: TestMain
beforeAll(async () => {
  main = await startTestMain()
})
afterAll(() => main.stop())

const report = (apiCallId: string, rest: object) =>
  main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId, ...rest })
const plant = (task?: Parameters<typeof plantTask>[1]) => plantTask(main.component.controller, task)
const now = () => Date.now() / 1000

async function stored(id: string) {
  const { controller } = main.component
  return inTransaction(controller, 'look', async () => {
    const { storage } = controller.system
    const call = await storage.findOne(TEST_TASKS.apiCall, MatchExp.atom({ key: 'id', value: ['=', id] }), undefined, [
      '*',
    ])
    const match = MatchExp.atom({ key: 'apiCallId', value: ['=', id] })
    const appended = await storage.find(TEST_TASKS.integrationEvent, match, undefined, ['eventType'])
    return { call, events: appended.map((event) => event.eventType as string) }
  })
}

describe('a claim', () => {
  it('of a pending task is given the attempt, a token and a lease', async () => {
    const id = await plant()
    const { status, body } = await report(id, { status: 'queued' })
    expect(status).toBe(200)
    expect(body).toEqual({
      success: true,
      status: 'queued',
      attempt: 1,
      fencingToken: expect.stringMatching(/^[\w-]{22}$/),
      leaseSeconds: 300,
      takeOver: false,
    })
    const { call } = await stored(id)
    expect(call).toMatchObject({ status: 'queued', attempts: 0 })
    expect(call.startedAt).toBeGreaterThan(now() - 60)
    expect(call.claimableAt).toBeCloseTo(call.startedAt + 300, 3)
  })

  it('sent again with its token is answered the same, and stored once', async () => {
    const id = await plant()
    const fencingToken = newToken()
    const first = await report(id, { status: 'queued', fencingToken })
    const again = await report(id, { status: 'queued', fencingToken })
    expect(again.status).toBe(200)
    expect(again.body).toMatchObject({ ...first.body, leaseSeconds: expect.any(Number) })
    expect((await stored(id)).events).toEqual(['queued'])
  })

  it('of a task whose lease is over takes the same attempt over', async () => {
    const id = await plant({ events: [events.queued(1, now() - 1)] })
    expect(await report(id, { status: 'queued' })).toMatchObject({ status: 200, body: { attempt: 1, takeOver: true } })
    expect((await stored(id)).events).toEqual(['queued', 'queued'])
  })

  it('of a failed task begins the next attempt', async () => {
    const id = await plant({ events: [events.queued(1, now()), events.failed(1, now() - 1)] })
    expect(await report(id, { status: 'queued' })).toMatchObject({ status: 200, body: { attempt: 2, takeOver: false } })
    expect((await stored(id)).call).toMatchObject({ status: 'queued', attempts: 1 })
  })
})

describe('a claim is refused, and stores nothing', () => {
  it.each([
    ['while its lease runs', 'queued', 'lease_held', () => [events.queued(1, now() + 60)]],
    ['while it is processing', 'processing', 'wrong_status', () => [events.queued(1, now()), events.processing(1)]],
    [
      'when it is completed',
      'completed',
      'wrong_status',
      () => [events.queued(1, now()), events.processing(1), events.completed(1)],
    ],
    ['when it is cancelled', 'cancelled', 'wrong_status', () => [events.cancelled(1)]],
    ['before its pause is over', 'failed', 'not_due', () => [events.queued(1, now()), events.failed(1, now() + 60)]],
    [
      'when its failure is final',
      'failed',
      'attempts_used_up',
      () => [events.queued(1, now()), events.failed(1, now() - 1, false)],
    ],
  ])('%s', async (_when, from, reason, history) => {
    const id = await plant({ events: history() })
    const before = await stored(id)
    const { status, body } = await report(id, { status: 'queued' })
    expect(status).toBe(409)
    expect(body).toMatchObject({ success: false, reason, status: from })
    expect(body.error).toMatch(new RegExp(`^Cannot transition to queued from ${from}`))
    expect(await stored(id)).toEqual(before)
  })

  it('in exactly these words while it is processing', async () => {
    const id = await plant({ events: [events.queued(1, now()), events.processing(1)] })
    expect((await report(id, { status: 'queued' })).body.error).toBe('Cannot transition to queued from processing')
  })

  it('once its attempts are used up, by the limit that it was created with', async () => {
    const id = await plant({
      state: { attemptLimit: 1 },
      events: [events.queued(1, now()), events.failed(1, now() - 1)],
    })
    expect(await report(id, { status: 'queued' })).toMatchObject({ status: 409, body: { reason: 'attempts_used_up' } })
  })
})

describe('a run’s reports', () => {
  it('are shown a hundred at a time, oldest first', async () => {
    const moves = Array.from({ length: 230 }, (_, i) => events.queued(1, i))
    const taskKey = await taskKeyOf(
      main.component.controller,
      await plantTask(main.component.controller, { events: moves }),
    )
    const page = async (query: string) => (await main.get(`/api/test/tasks/${taskKey}${query}`)).body
    const pages = [await page(''), await page('?timelineAfter=100'), await page('?timelineAfter=200')]
    expect(pages.map(({ timeline, timelineNext }) => [timeline.length, timelineNext])).toEqual([
      [100, 100],
      [100, 200],
      [30, null],
    ])
    const times = pages.flatMap(({ timeline }) => timeline.map(({ at }: { at: number }) => at))
    expect(times).toHaveLength(230)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(await main.get(`/api/test/tasks/${taskKey}?timelineAfter=x`)).toMatchObject({ status: 400 })
  })

  it('lead from the claim to the result, which the application then shows with its timeline', async () => {
    const { body } = await main.post('/api/test/run', { message: 'hello' })
    const id = await main.rowIdOf(body.taskId)
    await report(id, { status: 'queued' })
    const run = { attempt: 1, runId: 'run-1' }
    expect(await report(id, { status: 'begin', ...run })).toMatchObject({ status: 200, body: { openIntents: [] } })
    expect(await report(id, { status: 'processing', ...run })).toMatchObject({ body: { status: 'processing' } })
    expect(await report(id, { status: 'completed', ...run, result })).toMatchObject({ body: { status: 'completed' } })
    const task = await main.get(`/api/test/tasks/${body.taskId}`)
    expect(task.status).toBe(200)
    expect(task.body).toMatchObject({ taskId: body.taskId, status: 'completed', attempts: 1, result, error: null })
    expect(task.body.timeline.map((entry: { type: string }) => entry.type)).toEqual([
      'queued',
      'begun',
      'processing',
      'completed',
    ])
  })

  it('sent again are answered 200 and stored once; another outcome is refused', async () => {
    const id = await plant({ events: [events.queued(1, now() + 60)] })
    const outcome = { status: 'completed', attempt: 1, runId: 'run-1', result }
    expect(await report(id, outcome)).toMatchObject({ status: 200 })
    expect(await report(id, outcome)).toMatchObject({ status: 200 })
    const failure = {
      attempt: 1,
      runId: 'run-1',
      status: 'failed',
      error: { code: 'x', message: 'y' },
      retryable: true,
    }
    expect(await report(id, failure)).toMatchObject({ status: 409, body: { status: 'completed' } })
    expect((await stored(id)).events).toEqual(['queued', 'processing', 'completed'])
  })
})

describe('a task that kills its claimers', () => {
  it('is failed as poison; that claim is refused and yet stored', async () => {
    const past = now() - 1
    const claims = Array.from({ length: 6 }, (_, index) => ({
      ...events.queued(1, past - index),
      takeOver: index > 0,
      alone: true,
    }))
    const id = await plant({ events: claims })
    const { status, body } = await report(id, { status: 'queued', alone: true })
    expect([status, body.reason, body.status]).toEqual([409, 'poisonous', 'failed'])
    const { call, events: appended } = await stored(id)
    expect(call).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'poisonous_task' } })
    expect(appended.at(-1)).toBe('failed')
  })
})

describe('what is no report of a task', () => {
  it.each(['1', '999999999999', 'nonsense', "' OR 1=1 --", '01a201b9-594b-7660-9aef-7ba83634e394'])(
    'the id %s is not found',
    async (id) => {
      expect(await report(id, { status: 'queued' })).toEqual({
        status: 404,
        body: { success: false, error: 'Task not found' },
      })
    },
  )

  it.each([
    ['apiCallId', { status: 'queued', apiCallId: undefined }],
    ['apiCallId', { status: 'queued', apiCallId: 7 }],
    ['status', { status: 'done' }],
    ['attempt', { status: 'begin', attempt: '1', runId: 'r' }],
    ['runId', { status: 'processing', attempt: 1, runId: '' }],
    ['fencingToken', { status: 'released', attempt: 1 }],
    ['result.steps', { status: 'completed', attempt: 1, runId: 'r', result: { success: true } }],
    ['error.message', { status: 'failed', attempt: 1, runId: 'r', error: { code: 'x' }, retryable: true }],
    ['color', { status: 'queued', color: 'red' }],
  ])('400 names %s', async (field, rest) => {
    const { status, body } = await report('1', rest)
    expect(status).toBe(400)
    expect(body.fields.map((invalid: { field: string }) => invalid.field)).toContain(field)
  })

  it.each([
    ['{', 'body: is not JSON'],
    ['', 'status: must be one of'],
    ['status=queued', 'body: is not JSON'],
  ])('400 for the body "%s"', async (text, error) => {
    const headers = { authorization: `Bearer ${main.token}` }
    const answer = await main.post(`${TEST_API}/reportTestAsyncTaskResult`, text, headers)
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(error) } })
  })

  it('401 without the token, before anything is read', async () => {
    const id = await plant()
    const answer = await main.post(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId: id, status: 'queued' })
    expect(answer.status).toBe(401)
    expect((await stored(id)).events).toEqual([])
  })
})
