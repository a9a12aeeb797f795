/** What operators see and do over all integrations: stats, the list, one task, and acts on many. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TaskEvent } from '@/protocol/index.js'
import { createOperatorsAPIs } from '@/tasks/operators/index.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, taskKeyOf } from '../support/tasks.js'

const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }
const VIDEO = { apiCall: 'FangzhouVideoAPICall', integrationEvent: 'FangzhouVideoIntegrationEvent' }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    const options = database === 'PGLite' ? {} : { databaseUrl: await createDatabase() }
    main = await startTestMain({ ...options, operatorToken: 'operator-token-0123456789', maxTasksInFlight: 5 })
  })
  afterAll(() => main?.stop())

  const get = async (path: string) => {
    const { status, body } = await main.get(`/api/operator/${path}`, OPERATOR)
    expect({ status, body }).toMatchObject({ status: 200 })
    return body
  }
  const post = async (path: string, body: object) => {
    const answer = await main.post(`/api/operator/${path}`, { by: 'anna', ...body }, OPERATOR)
    expect(answer).toMatchObject({ status: 200 })
    return answer.body
  }
  const ids = (tasks: Array<{ taskId: string }>) => tasks.map(({ taskId }) => taskId)

  it('is for operators only', async () => {
    for (const path of ['stats', 'tasks', 'tasks/any'])
      expect(await main.get(`/api/operator/${path}`)).toMatchObject({ status: 401 })
    for (const path of ['retryMany', 'cancelMany'])
      expect(await main.post(`/api/operator/${path}`, {})).toMatchObject({ status: 401 })
    const apis = createOperatorsAPIs({ operated: () => [], temporalNamespace: 'default' })
    expect(apis.filter(({ internal, operator }) => !internal || !operator)).toEqual([])
  })

  it('lists tasks of all integrations, and finds them by each filter', async () => {
    const { controller } = main.component
    const broken = [events.queued(1, 2000), events.failed(1, 0, false)]
    const keys = ['a', 'b', 'c'].map((letter) => `${letter}-listed-${database}`)
    await plantTask(controller, { createdAt: 1000, taskKey: keys[0], userId: 'anna' })
    await plantTask(controller, { createdAt: 1001, taskKey: keys[1], userId: 'ben', events: broken })
    await plantTask(controller, { createdAt: 1002, taskKey: keys[2], userId: 'anna' }, VIDEO)

    const found = async (query: string) => ids((await get(`tasks?createdBefore=2000&${query}`)).tasks)
    expect(await found('')).toEqual([keys[2], keys[1], keys[0]])
    expect(await found('user=anna')).toEqual([keys[2], keys[0]])
    expect(await found('status=failed')).toEqual([keys[1]])
    expect(await found('code=broken')).toEqual([keys[1]])
    expect(await found('code=other')).toEqual([])
    expect(await found('integration=fangzhouVideoGeneration')).toEqual([keys[2]])
    expect(await found('id=b-list')).toEqual([keys[1]])
    expect(await found('createdFrom=1001')).toEqual([keys[2], keys[1]])
    expect(await found('user=anna&status=pending&integration=testAsyncTask')).toEqual([keys[0]])
    const { body } = await main.get('/api/operator/tasks?status=stuck', OPERATOR)
    expect(body).toMatchObject({ success: false, fields: [{ field: 'status' }] })
  })

  it('shows all that is known of a task', async () => {
    const { controller } = main.component
    const begun = { type: 'begun', runId: 'run-2', fencingToken: 'begun', leaseExpiresAt: 9e9, intent: null } as const
    const id = await plantTask(controller, {
      userId: 'anna',
      events: [
        ...[events.queued(1, 2000), events.failed(1, 0), events.queued(2, 3000)],
        { ...events.queued(2, 4000), takeOver: true } as never,
        { ...begun, attempt: 2 },
      ],
    })
    const task = await taskKeyOf(controller, id)
    expect(await get(`tasks/${task}`)).toMatchObject({
      ...{ taskId: task, apiCallId: id, integration: 'testAsyncTask', status: 'queued', attempts: 1, userId: 'anna' },
      requestParams: { kind: 'simple' },
      claim: { since: 3700, leaseExpiresAt: 9e9, takeOver: true },
      runs: [
        { attempt: 1, workflowId: `testAsyncTask:${id}:${task}:1`, outcome: 'failed', error: { code: 'broken' } },
        { attempt: 2, runId: 'run-2', takeOvers: 1, outcome: null, endedAt: null, link: null },
      ],
      timeline: [{ type: 'queued' }, { type: 'failed' }, { type: 'queued' }, { type: 'queued' }, { type: 'begun' }],
    })
    expect(await main.get('/api/operator/tasks/nobody-knows', OPERATOR)).toMatchObject({ status: 404 })
  })

  it('says that a run waits for the answer to a create, or looks for what was made', async () => {
    const { controller } = main.component
    const begun = (attempt: number, of: number) =>
      ({
        ...{ type: 'begun', attempt, runId: `run-${attempt}`, fencingToken: 'begun', leaseExpiresAt: 9e9 },
        intent: { attempt: of, at: 1500 },
      }) as never
    const resumed = { type: 'resumed', attempt: 1, runId: 'run-1' } as never
    const waitingFor = async (...history: TaskEvent[]) => {
      const id = await plantTask(controller, { events: history })
      return (await get(`tasks/${await taskKeyOf(controller, id)}`)).waitingFor
    }
    const asked = [events.queued(1, 2000), begun(1, 1)]
    for (const history of [asked, [...asked, resumed]]) {
      expect(await waitingFor(...history)).toMatchObject({
        ...{ code: 'create_unanswered', since: 1500, nextTryAt: null },
        message: expect.stringContaining('looks for what was made'),
      })
    }
    const again = [...asked, events.failed(1, 0), events.queued(2, 3000)]
    expect(await waitingFor(...again)).toMatchObject({ message: expect.stringContaining('for attempt 1') })
    expect(await waitingFor(events.queued(1, 2000), events.processing(1))).toBeNull()
  })

  it('counts what waits, what ended lately, and what failed', async () => {
    const before = (await get('stats?integration=nanobanana2ImageGeneration')).integrations
    expect(before).toMatchObject([{ open: {}, completed: { day: 0 }, failures: [], queued: { median: null } }])
    const IMAGE = { apiCall: 'Nanobanana2APICall', integrationEvent: 'Nanobanana2IntegrationEvent' }
    const { controller } = main.component
    const now = Date.now() / 1000
    const done = [events.queued(1, now + 300), events.processing(1), events.completed(1)]
    const lost = { code: 'create_answer_lost', message: 'It was lost' }
    const failed = { ...events.failed(1, 0, false), error: lost, providerEnded: true } as never
    await plantTask(controller, { events: [events.queued(1, now + 300), failed] }, IMAGE)
    // That one was looked up, and had made nothing.
    const found = { ...events.failed(1, now + 900), error: lost, providerEnded: true } as never
    await plantTask(controller, { events: [events.queued(1, now + 300), found] }, IMAGE)
    for (const userId of ['ben', 'ben', 'anna']) await plantTask(controller, { createdAt: now - 50, userId }, IMAGE)
    await plantTask(controller, { createdAt: now - 100 }, IMAGE)
    await plantTask(controller, { createdAt: now - 60, events: done }, IMAGE)
    await plantTask(controller, { events: [events.queued(1, now + 300), events.failed(1, now + 900)] }, IMAGE)
    const pause = { code: 'rate_limited', message: 'The provider asks for a pause', since: now, nextTryAt: now + 30 }
    const held = { type: 'waiting', attempt: 1, runId: 'run-1', waitingFor: pause } as const
    await plantTask(controller, { events: [events.queued(1, now + 300), events.processing(1), held] }, IMAGE)
    const { integrations } = await get('stats?integration=nanobanana2ImageGeneration')
    expect(integrations).toMatchObject([
      {
        open: { pending: 4, failed: 2, processing: 1 },
        pendingUsers: [
          { user: 'ben', count: 2 },
          { user: 'anna', count: 1 },
          { user: null, count: 1 },
        ],
        inFlight: 1,
        heldUp: [{ code: 'rate_limited', count: 1, since: now, nextTryAt: now + 30 }],
        completed: { minutes5: 1, hour: 1, day: 1 },
        failedAttempts: { minutes5: 3, hour: 3, day: 3 },
        cancelled: { day: 0 },
        takeOvers: { day: 0 },
        lostAnswers: { minutes5: 1, hour: 1, day: 1 },
        failures: [
          { code: 'create_answer_lost', count: 2 },
          { code: 'broken', count: 1 },
        ],
      },
    ])
    const [{ oldestDueSeconds, queued }] = integrations
    expect(oldestDueSeconds).toBeGreaterThanOrEqual(100)
    expect(queued.median).toBeGreaterThan(59)
    expect((await get('stats')).integrations).toHaveLength(3)
  })

  it('acts on many, batch by batch, once it has counted them; each act is recorded', async () => {
    const { controller } = main.component
    const broken = [events.queued(1, 2000), events.failed(1, 0, false)]
    const planted: string[] = []
    const lost = { ...events.failed(1, 0, false), error: { code: 'create_answer_lost', message: 'Lost' } } as never
    for (let index = 0; index < 3; index += 1) {
      const history = index === 0 ? [events.queued(1, 2000), lost] : broken
      planted.push(await plantTask(controller, { userId: 'many', createdAt: 5000 + index, events: history }))
    }
    await plantTask(controller, { userId: 'many', createdAt: 5010, events: broken.slice(0, 1) })

    const filter = { user: 'many' }
    expect(await post('retryMany', { filter, dryRun: true })).toEqual({
      ...{ found: 3, mayPayTwice: 1 },
      ...{ done: 0, refused: {}, next: null },
    })
    expect((await get('tasks?user=many&status=failed')).tasks[0].dueAt).toBeNull()

    const first = await post('retryMany', { filter, limit: 2, reason: 'fixed' })
    expect(first).toEqual({ done: 2, refused: {}, next: expect.any(String) })
    const second = await post('retryMany', { filter, limit: 2, after: first.next, reason: 'fixed' })
    expect(second).toEqual({ done: 1, refused: {}, next: null })
    for (const id of planted) {
      const { dueAt } = await get(`tasks/${await taskKeyOf(controller, id)}`)
      expect(dueAt).toBeGreaterThan(5000)
    }
    const { acts } = (await main.get('/api/testAsyncTask/operatorActs?limit=3', OPERATOR)).body
    expect(acts).toMatchObject(Array(3).fill({ act: 'retryMany', by: 'anna', why: 'fixed' }))

    expect(await post('cancelMany', { filter })).toEqual({ done: 4, refused: {}, next: null })
    expect((await get('tasks?user=many&status=cancelled')).tasks).toHaveLength(4)
    expect(await post('cancelMany', { filter, dryRun: true })).toMatchObject({ found: 0 })
    expect(await main.post('/api/operator/cancelMany', { by: 'anna', filter: {} }, OPERATOR)).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'filter' }] },
    })
  })
})
