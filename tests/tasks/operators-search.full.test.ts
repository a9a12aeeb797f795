/** The operators' list: each task once, in order, whichever way it is paged; and read from indexes, however many there are. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { DEFAULT_TASK_POLICY } from '@/protocol/index.js'
import { databaseOf, reading } from '@/tasks/database/sql.js'
import { countTasks, type FoundTask, type Page, searchTasks, type TaskFilter } from '@/tasks/operators/search.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_TASKS } from '../support/tasks.js'

const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }
const NAMES = {
  testAsyncTask: TEST_TASKS,
  fangzhouVideoGeneration: { apiCall: 'FangzhouVideoAPICall', integrationEvent: 'FangzhouVideoIntegrationEvent' },
  nanobanana2ImageGeneration: { apiCall: 'Nanobanana2APICall', integrationEvent: 'Nanobanana2IntegrationEvent' },
} as const
const INTEGRATIONS = Object.keys(NAMES) as Array<keyof typeof NAMES>
const USERS = ['anna', 'ben']
/** Few, so that many tasks are of one moment. */
const TIMES = [1000, 1000.5, 1001, 1002]
const HISTORIES = {
  pending: [],
  queued: [events.queued(1, 4e9)],
  failed: [events.queued(1, 2000), events.failed(1, 0, false)],
  cancelled: [events.cancelled(1)],
}
type Status = keyof typeof HISTORIES
const STATUSES = Object.keys(HISTORIES) as Status[]

interface Planted {
  integration: keyof typeof NAMES
  createdAt: number
  taskId: string
  userId: string
  status: Status
}

/** Every combination that matters is among them: the numbers of what is turned through have no common divisor. */
const PLANTED = Array.from(
  { length: 60 },
  (_, index): Planted => ({
    integration: INTEGRATIONS[index % 3] as keyof typeof NAMES,
    createdAt: TIMES[Math.floor(index / 3) % 4] as number,
    taskId: `key${String((index * 37) % 100).padStart(2, '0')}-${index % 2 === 0 ? 'even' : 'uneven'}`,
    userId: USERS[Math.floor(index / 5) % 2] as string,
    status: STATUSES[Math.floor(index / 7) % 4] as Status,
  }),
)

const filters = fc.record(
  {
    integration: fc.constantFrom(...INTEGRATIONS),
    status: fc.constantFrom(...STATUSES),
    user: fc.constantFrom(...USERS, 'nobody'),
    code: fc.constantFrom('broken', 'other'),
    id: fc.constantFrom('even', 'uneven', 'key1'),
    createdFrom: fc.constantFrom(0, ...TIMES),
    createdBefore: fc.constantFrom(0, ...TIMES, 2000),
  },
  { requiredKeys: [] },
)
type Filter = typeof filters extends fc.Arbitrary<infer Value> ? Value : never

function expected(filter: Filter): string[] {
  const { integration, status, user, code, id, createdFrom = 0, createdBefore = 9e9 } = filter
  const below = (a: string, b: string) => (a < b ? 1 : a > b ? -1 : 0)
  return PLANTED.filter(
    (task) =>
      (integration === undefined || task.integration === integration) &&
      (status === undefined || task.status === status) &&
      (user === undefined || task.userId === user) &&
      (code === undefined || (task.status === 'failed' && code === 'broken')) &&
      (id === undefined || task.taskId.includes(id)) &&
      task.createdAt >= createdFrom &&
      task.createdAt < createdBefore,
  )
    .sort((a, b) => b.createdAt - a.createdAt || below(a.integration, b.integration) || below(a.taskId, b.taskId))
    .map(({ taskId }) => taskId)
}

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    const options = database === 'PGLite' ? {} : { databaseUrl: await createDatabase() }
    main = await startTestMain({ ...options, operatorToken: 'operator-token-0123456789' })
    const { controller } = main.component
    for (const { integration, createdAt, taskId, userId, status } of PLANTED) {
      const task = { createdAt, taskKey: taskId, userId, events: [...HISTORIES[status]] }
      await plantTask(controller, task, NAMES[integration])
    }
  })
  afterAll(() => main?.stop())

  interface Answer {
    tasks: Array<{ taskId: string }>
    next: string | null
    previous: string | null
  }

  async function page(query: Record<string, unknown>): Promise<Answer> {
    const given = Object.entries(query).map(([name, value]) => [name, String(value)])
    const { status, body } = await main.get(`/api/operator/tasks?${new URLSearchParams(given)}`, OPERATOR)
    expect({ status, body }).toMatchObject({ status: 200 })
    return body
  }

  it('has each task once and in order, forwards and backwards, by any filters and in pages of any size', async () => {
    const property = fc.asyncProperty(filters, fc.integer({ min: 1, max: 25 }), async (filter, limit) => {
      const pages = [await page({ ...filter, limit })]
      expect(pages[0]?.previous).toBeNull()
      for (let next = pages[0]?.next; next; next = pages.at(-1)?.next) {
        pages.push(await page({ ...filter, limit, after: next }))
      }
      const ids = ({ tasks }: Answer) => tasks.map(({ taskId }) => taskId)
      expect(pages.flatMap(ids)).toEqual(expected(filter))
      // Only the last page has fewer, and none but the only one is empty.
      for (const { tasks } of pages.slice(0, -1)) expect(tasks).toHaveLength(limit)
      if (pages.length > 1) expect(pages.at(-1)?.tasks).not.toEqual([])

      let at = pages.length - 1
      for (let before = pages.at(-1)?.previous; before; at -= 1) {
        const newer = await page({ ...filter, limit, before })
        expect(ids(newer)).toEqual(ids(pages[at - 1] as Answer))
        before = newer.previous
      }
      expect(at).toBe(0)
    })
    await fc.assert(property, { numRuns: 60, seed: Number(process.env.MODEL_SEED ?? 1) })
  })

  it('refuses a place that is none, and two of them', async () => {
    for (const query of ['after=nonsense', 'before=', 'after=AAAA']) {
      expect(await main.get(`/api/operator/tasks?${query}`, OPERATOR)).toMatchObject({ status: 400 })
    }
    const { next } = await page({ limit: 1 })
    const { body } = await main.get(`/api/operator/tasks?after=${next}&before=${next}`, OPERATOR)
    expect(body).toMatchObject({ fields: [{ field: 'before' }] })
  })
})

describe('with many tasks, on PostgreSQL', () => {
  const MANY = 30_000
  /** A page of 20 of each status, from wherever they are stored, and the way to them. The table has thousands. */
  const MOST_BLOCKS = 300

  let main: TestMain
  let store: TaskStore
  /** Its copies, in the order of their keys, have this one in their midst. */
  let half: { createdAt: number; namespace: string; taskKey: string }
  beforeAll(async () => {
    main = await startTestMain({ databaseUrl: await createDatabase() })
    const { controller } = main.component
    store = new TaskStore(controller, TEST_TASKS, { policy: DEFAULT_TASK_POLICY })
    await plantTask(controller, { createdAt: 1, userId: 'rare', events: [events.queued(1, 4e9)] })
    const rare = { ...events.failed(1, 0, false), error: { code: 'rare', message: 'Seldom' } } as never
    await plantTask(controller, { createdAt: 1, userId: 'anna', events: [events.queued(1, 2000), rare] })
    const done = [events.queued(1, 2000), events.processing(1), events.completed(1)]
    for (const history of [HISTORIES.failed, done, HISTORIES.cancelled]) {
      const id = await plantTask(controller, { createdAt: 1000, userId: 'anna', events: [...history] })
      await multiplyTask(controller, TEST_TASKS, id, MANY)
      if (history === HISTORIES.failed) {
        half = { createdAt: 1000, namespace: 'testAsyncTask', taskKey: `bench-${id}-15000` }
      }
    }
  })
  afterAll(() => main?.stop())

  /** What the database read to answer, in blocks. */
  async function blocksOf(ask: (tasks: { namespace: string; store: TaskStore }) => Promise<unknown>): Promise<number> {
    const asked = vi.spyOn(store, 'query')
    await ask({ namespace: 'testAsyncTask', store })
    const [sql, values] = asked.mock.calls[0] as [string, unknown[]]
    asked.mockRestore()
    const [explained] = await reading(main.component.controller, 'explain', () =>
      databaseOf(main.component.controller).query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
        values,
      ),
    )
    const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = explained?.['QUERY PLAN'][0].Plan ?? {}
    expect(hit + read).toBeGreaterThan(0)
    return hit + read
  }

  const search = (filter: TaskFilter, at: Partial<Page>): Promise<FoundTask[]> =>
    searchTasks([{ namespace: 'testAsyncTask', store }], filter, { limit: 20, ...at })

  it.each<[string, TaskFilter]>([
    ['of all', {}],
    ['of a status', { status: 'completed' }],
    ['of a status that few have', { status: 'queued' }],
    ['of a user with many', { user: 'anna' }],
    ['of a user with few', { user: 'rare' }],
    ['with a code that many have', { code: 'broken' }],
    ['with a code that few have', { code: 'rare' }],
    ['of a time', { createdBefore: 1000 }],
    ['of a status and a time', { status: 'failed', createdFrom: 1001 }],
    ['with an id', { id: 'as-long-as-an-id-is-22' }],
    ['of several statuses', { statuses: ['pending', 'queued', 'processing', 'failed'] }],
  ])('a page %s reads no more than it shows', async (_of, filter) => {
    expect(await blocksOf((tasks) => searchTasks([tasks], filter, { limit: 20 }))).toBeLessThan(MOST_BLOCKS)
  })

  it.each(['after', 'before'] as const)('so does a page %s one in the midst of tasks of one moment', async (way) => {
    for (const filter of [{}, { status: 'failed' }, { user: 'anna' }, { code: 'broken' }] as const) {
      expect(await search(filter, { [way]: half })).toHaveLength(20)
      const blocks = await blocksOf((tasks) => searchTasks([tasks], filter, { limit: 20, [way]: half }))
      expect({ filter, isFew: blocks < MOST_BLOCKS, blocks }).toMatchObject({ isFew: true })
    }
  })

  it('few are counted without reading the many', async () => {
    expect(await countTasks({ namespace: 'testAsyncTask', store }, { code: 'rare' })).toBe(1)
    expect(await blocksOf((tasks) => countTasks(tasks, { code: 'rare' }))).toBeLessThan(MOST_BLOCKS)
  })
})
