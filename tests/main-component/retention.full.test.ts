import pino from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { inShortBatches, keepRemoving } from '@/main-component/retention.js'
import { databaseOf, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { type EndedBefore, removeEndedTasks } from '@/tasks/ended-tasks.js'
import { IDEMPOTENCY_KEYS } from '@/tasks/idempotency.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const NOW = 2_000_000_000
const DAY = 86_400
const days = (count: number) => NOW - count * DAY
const at = (time: number) => ({ at: time })
const completed = (time: number) => [
  events.queued(1, time),
  events.processing(1),
  { ...events.completed(1), ...at(time) },
]
const failed = (time: number, retryable: boolean) => [
  events.queued(1, time),
  { ...events.failed(1, time, retryable), ...at(time) },
]

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(database === 'PostgreSQL' ? { databaseUrl: await createDatabase() } : {})
  })
  afterAll(() => main.stop())

  const plant = (given: Parameters<typeof plantTask>[1]) => plantTask(main.component.controller, given)
  const there = async (id: string) =>
    (await new TaskReader(main.component.controller, TEST_TASKS).find(id)) !== undefined
  const remove = (endedBefore: EndedBefore) =>
    removeEndedTasks(new TaskReader(main.component.controller, TEST_TASKS), {
      endedBefore,
      limit: 25,
      artifacts: 'keep',
    })
  const count = async (entity: string, property: string, value: string) => {
    const { table, column } = physicalEntity(main.component.controller, entity)
    const sql = `SELECT count(*)::int AS count FROM ${table} WHERE ${column(property)} = $1`
    const [row] = await reading(main.component.controller, 'count', () =>
      databaseOf(main.component.controller).query<{ count: number }>(sql, [value]),
    )
    return row?.count
  }

  // What has ended is nobody else's to count.
  afterEach(async () => {
    const later = NOW + 4000 * DAY
    while ((await remove({ completed: later, failed: later, cancelled: later })) > 0);
  })

  it('a task goes with its events and its key, by how it ended and when; what asked for it stays', async () => {
    const created = await main.post('/api/test/run', { kind: 'simple' }, { 'idempotency-key': `key-${database}` })
    const taskKey = created.body.taskId
    const id = await main.rowIdOf(taskKey)
    const { controller } = main.component
    for (const data of completed(days(31))) {
      await inTransaction(controller, 'append', () =>
        controller.system.storage.create(TEST_TASKS.integrationEvent, {
          apiCallId: id,
          eventType: data.type,
          attempt: 1,
          at: NOW,
          data,
        }),
      )
    }
    const newer = await plant({ events: completed(days(29)) })
    const failedOnce = await plant({ events: failed(days(31), false) })
    expect(await count(IDEMPOTENCY_KEYS, 'taskId', taskKey)).toBe(1)

    expect(await remove({ completed: days(30), failed: days(90) })).toBe(1)
    expect(await remove({ completed: days(30), failed: days(90) })).toBe(0)
    expect([await there(id), await there(newer), await there(failedOnce)]).toEqual([false, true, true])
    expect(await count(TEST_TASKS.integrationEvent, 'apiCallId', id)).toBe(0)
    expect(await count(TEST_TASKS.integrationEvent, 'apiCallId', newer)).toBe(3)
    expect(await count(IDEMPOTENCY_KEYS, 'taskId', taskKey)).toBe(0)
    expect(await main.get(`/api/test/tasks/${taskKey}`)).toMatchObject({ status: 404 })
    const sources = await inTransaction(controller, 'sources', () => controller.system.storage.find('TestTask'))
    expect(sources).toHaveLength(1)

    expect(await remove({ failed: days(30) })).toBe(1)
    expect(await there(failedOnce)).toBe(false)
  })

  it('nothing goes that a run may report to, or that may be tried again', async () => {
    const old = days(1000)
    const cancelled = [events.queued(1, old), { ...events.cancelled(1), ...at(old) }]
    const kept = [
      await plant({ createdAt: old }),
      await plant({ createdAt: old, events: [events.queued(1, old)] }),
      await plant({ createdAt: old, events: completed(old).slice(0, 2) }),
      await plant({ createdAt: old, events: failed(old, true) }),
    ]
    const unseen = await plant({ createdAt: old, events: cancelled })
    const all = { completed: NOW, failed: NOW, cancelled: NOW }
    while ((await remove(all)) > 0);
    for (const id of [...kept, unseen]) expect(await there(id)).toBe(true)

    const closed = { apiCallId: unseen, status: 'closed', attempt: 1, fencingToken: 'token-cancelled' }
    expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, closed)).toMatchObject({ status: 200 })
    expect(await remove(all)).toBe(1)
    expect(await there(unseen)).toBe(false)
  })

  it('a row of an earlier version is as old as its last claim', async () => {
    const [started, end] = [events.queued(1, days(40) + 300), events.completed(1)]
    const id = await plant({ events: [started, events.processing(1), end] })
    expect(await remove({ completed: days(41) })).toBe(0)
    expect(await remove({ completed: days(39) })).toBe(1)
    expect(await there(id)).toBe(false)
  })

  it('main removes batch after batch, nothing where it is to keep for ever, and stops when told', async () => {
    const { controller } = main.component
    const id = await plant({ events: completed(days(31)) })
    const kept = await plant({ events: failed(days(4000), false) })
    await multiplyTask(controller, TEST_TASKS, id, 50)
    const key = await taskKeyOf(controller, kept)
    const stopping = new AbortController()
    let [all, rounds] = [0, 0]
    const endsOfFailed: unknown[] = []
    await keepRemoving({
      controller,
      integrations: {
        async removeEnded(given, batch) {
          endsOfFailed.push(batch.endedBefore.failed)
          const removed = await removeEndedTasks(new TaskReader(given, TEST_TASKS), batch)
          all += removed
          if (removed === 0) stopping.abort()
          return removed
        },
      },
      retention: { completedDays: 30, failedDays: 0, cancelledDays: 30, artifacts: 'keep' },
      removeArtifact: () => Promise.reject(new Error('Artifacts are kept')),
      logger: pino({ level: 'silent' }),
      stopping: stopping.signal,
      intervalMs: 1,
      async now() {
        rounds += 1
        return NOW
      },
    })
    expect([all, rounds, new Set(endsOfFailed)]).toEqual([50 + 1, 1, new Set([undefined])])
    expect(await main.get(`/api/test/tasks/${key}`)).toMatchObject({ status: 200 })
  })
})

it('a batch that took long makes the next ones smaller', async () => {
  const limits: number[] = []
  let now = 0
  const remove = async (limit: number) => {
    limits.push(limit)
    now += limits.length <= 2 ? 50 : 10
    return limit
  }
  const removeBatch = inShortBatches(remove, () => now)
  for (let batch = 0; batch < 4; batch += 1) await removeBatch()
  expect(limits).toEqual([25, 13, 7, 8])
})
