import { Controller, Entity, Property } from 'interaqt'
import { PGLiteDB } from 'interaqt/drivers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DatabaseSystem, databaseOf, databaseTime, physicalEntity, reading } from '@/integrations/shared/database.js'
import { API_CALL_FIELDS, createFetchPendingTasksAPI } from '@/integrations/shared/fetchPendingTasksAPI.js'
import type { FetchPendingTasksAnswer } from '@/integrations/shared/wire.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { events, plantTask, TEST_TASKS } from '../support/tasks.js'

const api = createFetchPendingTasksAPI({
  namespace: 'test',
  apiCallEntity: { entityName: TEST_TASKS.apiCall, fields: API_CALL_FIELDS },
})

async function fetchTasks(controller: Controller, limit = 100) {
  const context = { signal: new AbortController().signal }
  const { tasks } = (await api.callback.call(controller, context, { limit })) as FetchPendingTasksAnswer
  return tasks
}

let main: TestMain
let controller: Controller
let now: number

beforeAll(async () => {
  main = await startTestMain()
  controller = main.component.controller
})
afterAll(() => main.stop())

beforeEach(async () => {
  now = await reading(controller, 'now', () => databaseTime(controller))
})
afterEach(async () => {
  await controller.system.storage.runInTransaction({ name: 'clean' }, () =>
    databaseOf(controller).query(`DELETE FROM ${physicalEntity(controller, TEST_TASKS.apiCall).table}`, []),
  )
})

const ids = (tasks: Array<{ id: string }>) => tasks.map(({ id }) => id)

describe('what may be claimed now', () => {
  it('a new task, with all that a processor needs to know', async () => {
    const id = await plantTask(controller, { createdAt: 1000 })
    expect(await fetchTasks(controller)).toEqual([
      {
        id,
        taskKey: expect.stringMatching(/^[\w-]{22}$/),
        status: 'pending',
        attempts: 0,
        startedAt: null,
        createdAt: 1000,
        requestParams: { kind: 'simple' },
      },
    ])
  })

  it('a delayed task once it is due', async () => {
    const due = await plantTask(controller, { state: { dueAt: now - 1 } })
    await plantTask(controller, { state: { dueAt: now + 60 } })
    expect(ids(await fetchTasks(controller))).toEqual([due])
  })

  it('a queued task once its lease is over', async () => {
    const stuck = await plantTask(controller, { events: [events.queued(1, now - 1)] })
    await plantTask(controller, { events: [events.queued(1, now + 60)] })
    expect(await fetchTasks(controller)).toMatchObject([{ id: stuck, status: 'queued', startedAt: now - 301 }])
  })

  it('a failed task after its pause, while it has attempts left', async () => {
    const failed = (dueAt: number, retryable = true) => [events.queued(1, now), events.failed(1, dueAt, retryable)]
    const due = await plantTask(controller, { events: failed(now - 1) })
    await plantTask(controller, { events: failed(now + 60) })
    await plantTask(controller, { events: failed(now - 1, false) })
    await plantTask(controller, { state: { attemptLimit: 1 }, events: failed(now - 1) })
    expect(await fetchTasks(controller)).toMatchObject([{ id: due, status: 'failed', attempts: 1 }])
  })

  it('nothing that is processing or has ended', async () => {
    const processing = [events.queued(1, now - 1), events.processing(1)]
    await plantTask(controller, { events: processing })
    await plantTask(controller, { events: [...processing, events.completed(1)] })
    await plantTask(controller, { events: [events.cancelled(1)] })
    expect(await fetchTasks(controller)).toEqual([])
  })
})

describe('order', () => {
  it('is oldest first, whatever the status, and no more than asked for', async () => {
    const third = await plantTask(controller, { createdAt: 3 })
    const first = await plantTask(controller, { createdAt: 1 })
    const second = await plantTask(controller, { createdAt: 2, events: [events.queued(1, now - 1)] })
    expect(ids(await fetchTasks(controller))).toEqual([first, second, third])
    expect(ids(await fetchTasks(controller, 2))).toEqual([first, second])
  })

  it('is read from an index, however many tasks there are', async () => {
    const { table, column } = physicalEntity(controller, TEST_TASKS.apiCall)
    const plan = await controller.system.storage.runInTransaction({ name: 'explain' }, async () => {
      await databaseOf(controller).scheme('SET LOCAL enable_seqscan = off')
      return databaseOf(controller).query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT ${column('id')} FROM ${table} WHERE ${column('claimableAt')} <= 1 ORDER BY ${column('createdAt')}, ${column('id')} LIMIT 10`,
        [],
      )
    })
    const text = plan.map((line) => line['QUERY PLAN']).join('\n')
    expect(text).toContain(`${TEST_TASKS.apiCall}_claimable`)
    expect(text).not.toContain('Sort')
  })
})

describe('an entity of the application’s own, without claimableAt', () => {
  it('is judged by status, attempts and startedAt', async () => {
    const value = (name: string, type: string) => Property.create({ name, type })
    const OwnCall = Entity.create({
      name: 'OwnCall',
      properties: [
        value('key', 'string'),
        value('state', 'string'),
        value('tries', 'number'),
        value('startedAt', 'number'),
        value('createdAt', 'number'),
        value('payload', 'object'),
      ],
    })
    const own = new Controller({ system: new DatabaseSystem(new PGLiteDB()), entities: [OwnCall], relations: [] })
    await own.setup(true)
    const ownAPI = createFetchPendingTasksAPI({
      namespace: 'own',
      apiCallEntity: {
        entityName: 'OwnCall',
        fields: {
          taskKey: 'key',
          status: 'state',
          attempts: 'tries',
          startedAt: 'startedAt',
          createdAt: 'createdAt',
          requestParams: 'payload',
        },
      },
      maxAttempts: 2,
      stuckTimeoutSeconds: 10,
    })
    const seconds = Date.now() / 1000
    const rows = [
      ['pending', 'pending', 0, null],
      ['failed once', 'failed', 1, 1],
      ['failed twice', 'failed', 2, 1],
      ['stuck', 'queued', 0, seconds - 11],
      ['claimed', 'queued', 0, seconds],
      ['processing', 'processing', 0, 1],
    ] as const
    for (const [index, [key, state, tries, startedAt]] of rows.entries()) {
      await own.system.storage.create('OwnCall', { key, state, tries, startedAt, createdAt: index, payload: {} })
    }
    const context = { signal: new AbortController().signal }
    const { tasks } = (await ownAPI.callback.call(own, context, { limit: 10 })) as FetchPendingTasksAnswer
    expect(tasks.map(({ taskKey }) => taskKey)).toEqual(['pending', 'failed once', 'stuck'])
    await databaseOf(own).close?.()
  })
})
