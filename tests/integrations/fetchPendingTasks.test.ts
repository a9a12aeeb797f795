import { Controller, Entity, Property } from 'interaqt'
import { PGLiteDB } from 'interaqt/drivers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FetchPendingTasksAnswer } from '@/protocol/wire.js'
import {
  API_CALL_FIELDS,
  createFetchPendingTasksAPI,
  selectTasks,
  type TaskFields,
} from '@/tasks/apis/fetch-pending-tasks.js'
import { Arrivals } from '@/tasks/arrivals.js'
import { DatabaseSystem, databaseOf, databaseTime, physicalEntity, reading } from '@/tasks/database/sql.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { events, type PlantedTask, plantTask, TEST_TASKS } from '../support/tasks.js'

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

describe('a parked request', () => {
  /** For how long each look is waited after; the waiting takes no time here. */
  async function waits(): Promise<number[]> {
    const waited: number[] = []
    const gone = new AbortController()
    const arrivals = new (class extends Arrivals {
      override async next(_seen: number, ms: number) {
        waited.push(ms)
        gone.abort()
      }
    })()
    const parking = createFetchPendingTasksAPI({
      namespace: 'test',
      apiCallEntity: { entityName: TEST_TASKS.apiCall, fields: API_CALL_FIELDS },
      arrivals: () => arrivals,
    })
    await parking.callback.call(controller, { signal: gone.signal }, { limit: 1, waitSeconds: 20 })
    return waited
  }

  it.each<[string, (at: number) => PlantedTask]>([
    ['a delayed task', (dueAt) => ({ state: { dueAt } })],
    ['a claim, at the end of its lease', (leaseExpiresAt) => ({ events: [events.queued(1, leaseExpiresAt)] })],
  ])('looks again when the first becomes due: %s', async (_what, dueAt) => {
    await plantTask(controller, { state: { dueAt: now + 60 } })
    await plantTask(controller, dueAt(now + 0.4))
    const [ms = 0, ...more] = await waits()
    expect(more).toEqual([])
    expect(ms).toBeLessThanOrEqual(401)
  })

  it('looks each second for tasks that others created', async () => {
    await plantTask(controller, { state: { dueAt: now + 60 } })
    expect(await waits()).toEqual([1000])
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

  it('is the same where more have become due than are sorted anew', async () => {
    const due = await plantTask(controller, { createdAt: 5, state: { dueAt: now - 1 } })
    await multiplyTask(controller, TEST_TASKS, due, 1500)
    const oldest = await plantTask(controller, { createdAt: 1, state: { dueAt: now - 0.5 } })
    const ready = await plantTask(controller, { createdAt: 2 })
    const stuck = await plantTask(controller, { createdAt: 3, events: [events.queued(1, now - 1)] })
    await plantTask(controller, { createdAt: 4, state: { dueAt: now + 60 } })
    const fetched = await fetchTasks(controller, 4)
    expect(ids(fetched).slice(0, 3)).toEqual([oldest, ready, stuck])
    expect(fetched[3]?.createdAt).toBe(5)
  })
})

describe('tasks that may not be claimed are not walked', () => {
  const entity = () => physicalEntity(controller, TEST_TASKS.apiCall)
  const limits = { limit: 10, maxAttempts: 5, stuckTimeoutSeconds: 300 }

  it.each([
    ['that are not due', { state: { dueAt: 4e9 } }, Number.POSITIVE_INFINITY],
    ['that wait for a place', {}, 1],
    ['that have become due and wait for a place', { state: { dueAt: 1 } }, 1],
    ['that are claimed', { events: [events.queued(1, 4e9)] }, Number.POSITIVE_INFINITY],
  ])('many %s', async (_title, given, maxTasksInFlight) => {
    const stuck = await plantTask(controller, { createdAt: 9, events: [events.queued(1, now - 1)] })
    const id = await plantTask(controller, { createdAt: 1, ...given })
    await multiplyTask(controller, TEST_TASKS, id, 20_000)
    const sql = selectTasks(entity(), API_CALL_FIELDS, { ...limits, maxTasksInFlight })
    const found = await reading(controller, 'fetch', () => databaseOf(controller).query<{ id: unknown }>(sql, []))
    expect(found.map((row) => String(row.id))).toEqual([stuck])

    const [explained] = await reading(controller, 'explain', () =>
      databaseOf(controller).query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
        [],
      ),
    )
    const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = explained?.['QUERY PLAN'][0].Plan ?? {}
    expect(hit + read).toBeGreaterThan(0)
    expect(hit + read).toBeLessThan(40)
  })
})

describe('an entity of the application’s own, without claimableAt', () => {
  const fields = {
    status: 'state',
    attempts: 'tries',
    startedAt: 'startedAt',
    createdAt: 'createdAt',
    requestParams: 'payload',
  }

  it('is judged by status, attempts and startedAt; by the row’s id where it has no key', async () => {
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
    const ownAPI = (fields: TaskFields) =>
      createFetchPendingTasksAPI({
        namespace: 'own',
        apiCallEntity: { entityName: 'OwnCall', fields },
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
    const fetched = async (fields: TaskFields) =>
      ((await ownAPI(fields).callback.call(own, context, { limit: 10 })) as FetchPendingTasksAnswer).tasks
    const tasks = await fetched({ ...fields, taskKey: 'key' })
    expect(tasks.map(({ taskKey }) => taskKey)).toEqual(['pending', 'failed once', 'stuck'])
    expect((await fetched(fields)).map(({ taskKey }) => taskKey)).toEqual(ids(tasks))
    await expect(fetched({ ...fields, status: 'states' })).rejects.toThrow('OwnCall has no column for states')
    await databaseOf(own).close?.()
  })

  it('is refused with what is missing where a field is not named', () => {
    const { status: _, ...others } = fields
    const apiCallEntity = { entityName: 'OwnCall', fields: others as TaskFields }
    expect(() => createFetchPendingTasksAPI({ namespace: 'own', apiCallEntity })).toThrow(
      'fields.status is missing: name the property of OwnCall that holds it',
    )
  })
})
