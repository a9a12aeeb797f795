/** A task that comes while a claimer waits is claimed for it by the transaction that creates it. */
import { AsyncResource } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { DEFAULT_TASK_POLICY } from '@/protocol/index.js'
import type { ClaimedBatch } from '@/tasks/claim-batch.js'
import { databaseOf, inTransaction, physicalEntity } from '@/tasks/database/sql.js'
import { beginHandOver } from '@/tasks/hand-over.js'
import { changeControl } from '@/tasks/integration-control.js'
import type { TaskRules } from '@/tasks/task-limits.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_TASKS } from '../support/tasks.js'

const never = new AbortController().signal
const LONG_MS = 60_000
const policy = DEFAULT_TASK_POLICY

/** Outside the transaction that is open here. */
const elsewhere = AsyncResource.bind(<T>(work: () => Promise<T>) => work())

describe.each(['PGLite', 'PostgreSQL'])('on %s', (kind) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(kind === 'PGLite' ? {} : { databaseUrl: await createDatabase() })
  })
  afterAll(() => main?.stop())
  beforeEach(async () => {
    const { controller } = main.component
    await inTransaction(controller, 'clean', async () => {
      for (const name of [TEST_TASKS.apiCall, TEST_TASKS.integrationEvent]) {
        await databaseOf(controller).query(`DELETE FROM ${physicalEntity(controller, name).table}`, [])
      }
    })
  })

  const storeOf = (rules: Partial<TaskRules> = {}) =>
    new TaskStore(main.component.controller, TEST_TASKS, { policy, ...rules })
  const create = (store: TaskStore, more: Record<string, unknown> = {}) =>
    store.create({ entity: 'TestTask', record: { options: { kind: 'simple' }, ...more }, userId: null })
  const stateOf = async (store: TaskStore, taskKey: string) => (await store.findByKey(taskKey))?.state
  const keysOf = (woken: boolean | ClaimedBatch) =>
    typeof woken === 'boolean' ? woken : woken.tasks.map(({ taskKey }) => taskKey)
  const waits = (store: TaskStore, claimId: string = randomUUID()) => store.arrivals.untilWoken(LONG_MS, never, claimId)

  it('gives each task to one who waits, the longest first, and tells its claimId again what it has', async () => {
    const store = storeOf()
    const claimId = randomUUID()
    const told = vi.spyOn(store.watches, 'moved')
    const waiting = [waits(store, claimId), waits(store)]
    const first = await create(store)
    const given = (await waiting[0]) as ClaimedBatch
    expect(given).toMatchObject({
      claimed: true,
      tasks: [
        {
          taskKey: first,
          status: 'queued',
          attempt: 1,
          fencingToken: `${claimId}.0`,
          requestParams: { kind: 'simple' },
        },
      ],
      moved: [{ row: { taskKey: first }, steps: [{ event: { type: 'queued' }, after: { status: 'queued' } }] }],
    })
    expect(given.tasks[0]?.leaseSeconds).toBeCloseTo(policy.stuckTimeoutSeconds, 0)
    expect(store.arrivals.anyClaims).toBe(true)
    const second = await create(store)
    expect(keysOf((await waiting[1]) ?? false)).toEqual([second])
    expect(await stateOf(store, first)).toMatchObject({ status: 'queued', fencingToken: `${claimId}.0` })
    const again = await store.claim({ claimId, limit: 5 }, never)
    expect([keysOf(again), again.claimed, again.tasks[0]?.fencingToken]).toEqual([[first], true, `${claimId}.0`])
    expect(told.mock.calls).toEqual([[first], [second]])
  })

  it('leaves in every column what a claim of its own leaves', async () => {
    const store = storeOf()
    const waiting = waits(store)
    const handed = await create(store)
    await waiting
    const claimed = await create(store)
    await store.claim({ claimId: randomUUID(), limit: 5 }, never)
    const rows = await store.read('all', () =>
      store.query<Record<string, unknown>>(
        `SELECT to_jsonb(call) AS row FROM ${store.calls.table} AS call ORDER BY ${store.calls.column('id')}`,
        [],
      ),
    )
    const recorded = await store.read('all', () =>
      store.query<Record<string, unknown>>(
        `SELECT to_jsonb(event) AS row FROM ${store.events.table} AS event ORDER BY ${store.events.column('id')}`,
        [],
      ),
    )
    expect([rows.length, recorded.length]).toEqual([2, 2])
    const alike = (row: unknown) =>
      JSON.stringify(row)
        .replaceAll(handed, 'KEY')
        .replaceAll(claimed, 'KEY')
        .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
        .replace(/-?\d+(\.\d+)?/g, 'N')
    expect(alike(rows[0])).toEqual(alike(rows[1]))
    expect(alike(recorded[0])).toEqual(alike(recorded[1]))
  })

  it('wakes who waits for a task that is not due yet, and creates it', async () => {
    const store = storeOf()
    const waiting = waits(store)
    const taskKey = await create(store, { dueAt: Date.now() / 1000 + 3600 })
    expect(await waiting).toBe(true)
    expect(await stateOf(store, taskKey)).toMatchObject({ status: 'pending' })
  })

  it('claims nothing while operators have set something, and claims again once that is cleared', async () => {
    const store = storeOf()
    const paused = { since: 1, who: 'somebody', by: 'somebody', why: 'a test' }
    const set = (to: Parameters<typeof changeControl>[1]) => changeControl(store, to, async () => {})
    for (const control of [
      { paused, limits: {} },
      { paused: null, limits: { maxTasksInFlight: 0 } },
    ]) {
      await set(() => control)
      const waiting = waits(store)
      const taskKey = await create(store)
      expect(await waiting).toBe(true)
      expect(await stateOf(store, taskKey)).toMatchObject({ status: 'pending' })
    }
    await set(() => ({ paused: null, limits: {} }))
    await store.claim({ claimId: randomUUID(), limit: 5 }, never)
    const waiting = waits(store)
    const taskKey = await create(store)
    expect(keysOf(await waiting)).toEqual([taskKey])
  })

  it('a claimId that has claimed elsewhere is woken, and gets no more', async () => {
    const store = storeOf()
    const claimId = randomUUID()
    const earlier = await create(store)
    // Fewer than it may: otherwise the next one to wait is woken, as there may be more.
    await store.claim({ claimId, limit: 5 }, never)
    const waiting = waits(store, claimId)
    const taskKey = await create(store)
    expect(await waiting).toBe(true)
    expect(await stateOf(store, taskKey)).toMatchObject({ status: 'pending' })
    expect(keysOf(await store.claim({ claimId, limit: 5 }, never))).toEqual([earlier])
  })

  it('wakes who waits if the creation is undone after all, and stores nothing', async () => {
    const store = storeOf()
    const { storage } = main.component.controller.system
    const run = storage.runInTransaction.bind(storage)
    const undone = vi.spyOn(storage, 'runInTransaction').mockImplementation((options, work) =>
      run(options, async () => {
        await work()
        throw new Error('undone')
      }),
    )
    const waiting = waits(store)
    await expect(create(store)).rejects.toThrow('undone')
    undone.mockRestore()
    expect(await waiting).toBe(true)
    expect((await store.claim({ claimId: randomUUID(), limit: 5 }, never)).tasks).toEqual([])
  })

  it('gives an earlier task again to who repeats its creation by key, and leaves the claimer waiting', async () => {
    const store = storeOf()
    const source = { entity: 'TestTask', record: { options: { kind: 'simple' } }, userId: null }
    const keyed = { key: randomUUID(), api: 'test/run', params: {} }
    const taskKey = await store.create(source, keyed)
    await store.claim({ claimId: randomUUID(), limit: 5 }, never)
    const waiting = waits(store)
    expect(await store.create(source, keyed)).toBe(taskKey)
    expect(store.arrivals.anyClaims).toBe(true)
    const next = await create(store)
    expect(keysOf(await waiting)).toEqual([next])
  })

  it('claims by a transaction of its own where limits are configured, or the application listens, or nobody waits', () => {
    const parts = (rules: Partial<TaskRules>, listened: boolean, anyClaims: boolean) =>
      ({
        tasks: storeOf(),
        rules: { policy, ...rules },
        log: { listened },
        arrivals: { anyClaims },
      }) as unknown as Parameters<typeof beginHandOver>[0]
    expect(beginHandOver(parts({}, false, true))).toBeDefined()
    expect(beginHandOver(parts({ maxTasksInFlight: 5 }, false, true))).toBeUndefined()
    expect(beginHandOver(parts({}, true, true))).toBeUndefined()
    expect(beginHandOver(parts({}, false, false))).toBeUndefined()
  })

  it('has a lease looked for, which others may have begun without a word, before it can be over', async () => {
    const store = storeOf({ policy: { ...policy, stuckTimeoutSeconds: 0.3 } })
    const query = vi.spyOn(store, 'query')
    expect(await store.arrivals.untilWoken(1000, never)).toBe(false)
    const looks = query.mock.calls.filter(([sql]) => sql.includes('became_due'))
    expect(looks.length).toBeGreaterThanOrEqual(3)
  })

  // Nobody else holds a lock on PGLite, which has one connection.
  if (kind === 'PostgreSQL') {
    it('waits neither for another request with the claimId, nor for operators who change a setting', async () => {
      const store = storeOf()
      const { controller } = main.component
      const claimId = randomUUID()
      for (const lock of [`claim:${claimId}`, `${TEST_TASKS.apiCall}:control`]) {
        await inTransaction(controller, 'lock', async () => {
          await databaseOf(controller).query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lock])
          const waiting = waits(store, claimId)
          const taskKey = await elsewhere(() => create(store))
          expect(await waiting).toBe(true)
          expect(await stateOf(store, taskKey)).toMatchObject({ status: 'pending' })
        })
        // Otherwise the next one to wait finds it.
        await store.claim({ claimId: randomUUID(), limit: 5 }, never)
      }
    })
  }
})
