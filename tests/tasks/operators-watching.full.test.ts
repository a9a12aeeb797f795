/** What the console asks again and again is read from indexes, however many tasks have ended. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { z } from 'zod'
import { DEFAULT_TASK_POLICY } from '@/protocol/index.js'
import { databaseOf, reading } from '@/tasks/database/sql.js'
import { readNewest } from '@/tasks/operators/change-feed.js'
import { CountedEnds } from '@/tasks/operators/counted-ends.js'
import { createHistoryAPI } from '@/tasks/operators/history.js'
import { createStatsAPI, type statsSchema } from '@/tasks/operators/stats.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_TASKS } from '../support/tasks.js'

const MANY = 50_000
/** The tables have thousands. */
const MOST_BLOCKS = 1000

let main: TestMain
let store: TaskStore
beforeAll(async () => {
  main = await startTestMain({ databaseUrl: await createDatabase() })
  const { controller } = main.component
  store = new TaskStore(controller, TEST_TASKS, { policy: DEFAULT_TASK_POLICY })
  const done = [events.queued(1, 2000), events.processing(1), events.completed(1)]
  const id = await plantTask(controller, { createdAt: 1000, events: done })
  await multiplyTask(controller, TEST_TASKS, id, MANY)
  const { table, column } = store.events
  const columns = ['apiCallId', 'eventType', 'attempt', 'at', 'data', 'id'].map(column).join(', ')
  const database = databaseOf(controller)
  // Some 35 a minute, and so before the last hour, too.
  await database.scheme(
    `INSERT INTO ${table} (${columns}) SELECT '${id}', CASE WHEN n % 5 = 0 THEN 'failed' ELSE 'completed' END, 1,` +
      ` extract(epoch FROM now()) - 86400.0 * n / ${MANY}, '{"type": "completed"}', 1000000000 + n` +
      ` FROM generate_series(1, ${MANY}) AS n`,
  )
  await database.scheme(`VACUUM ANALYZE ${table}`)
}, 180_000)
afterAll(() => main?.stop())

/** What the database read for the last statement that was asked, in blocks. */
async function blocksOf(ask: () => Promise<unknown>): Promise<number> {
  const asked = vi.spyOn(store, 'query')
  await ask()
  const [sql, values] = asked.mock.calls.at(-1) as [string, unknown[]]
  asked.mockRestore()
  const { controller } = main.component
  const [explained] = await reading(controller, 'explain', () =>
    databaseOf(controller).query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
      values,
    ),
  )
  const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = explained?.['QUERY PLAN'][0].Plan ?? {}
  return hit + read
}

it('the newest events and tasks', async () => {
  const blocks = await blocksOf(async () => expect((await readNewest(store)).size).toBe(200))
  expect(blocks).toBeGreaterThan(0)
  expect(blocks).toBeLessThan(MOST_BLOCKS)
})

it.each([
  ['hour', 60, 1667, 417],
  ['day', 96, 39_700, 9_900],
] as const)('the ends of a %s: once all, then the newest alone', async (span, buckets, completed, failed) => {
  const api = createHistoryAPI({ operated: () => [{ namespace: 'testAsyncTask', store }] }, new CountedEnds())
  type History = { integrations: [{ completed: number[]; failed: number[]; cancelled: number[] }] }
  const look = async () => {
    const context = { signal: new AbortController().signal }
    const { integrations } = (await api.callback.call(main.component.controller, context, { span })) as History
    return integrations[0]
  }
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
  const first = await look()
  expect(first.completed).toHaveLength(buckets)
  // The first bucket has not all of its time, and ends come at any moment of the last.
  expect(Math.abs(sum(first.completed) - completed) / completed).toBeLessThan(0.05)
  expect(Math.abs(sum(first.failed) - failed) / failed).toBeLessThan(0.05)
  expect(sum(first.cancelled)).toBe(0)
  const blocks = await blocksOf(look)
  expect(blocks).toBeLessThan(MOST_BLOCKS)
  const again = await look()
  expect(again.completed.slice(0, 50)).toEqual(first.completed.slice(0, 50))
})

it('the ends of a day for stats: once all, then the newest alone', async () => {
  const options = { operated: () => [{ namespace: 'testAsyncTask', store }], temporalNamespace: 'default' }
  const api = createStatsAPI(options, new CountedEnds())
  /** The ends of the day, and how many quarters of an hour were counted. */
  const look = async () => {
    const asked = vi.spyOn(store, 'query')
    const context = { signal: new AbortController().signal }
    const answer = (await api.callback.call(main.component.controller, context, {})) as z.infer<typeof statsSchema>
    const counted = asked.mock.calls.filter(([sql]) => String(sql).includes('bucket (start)'))
    asked.mockRestore()
    const [stats] = answer.integrations
    return {
      ends: [stats?.completed.day, stats?.failedAttempts.day],
      quarters: counted.map(([, values]) => (values as [number[]])[0].length),
    }
  }
  const first = await look()
  expect(first.quarters).toEqual([96])
  expect(Math.abs(Number(first.ends[0]) - 39_700) / 39_700).toBeLessThan(0.05)
  const again = await look()
  expect(again.ends).toEqual(first.ends)
  expect(again.quarters[0]).toBeLessThan(4)
})
