/**
 * `POST claimTasks`: what one request claims, and what its claimId is answered when it is sent again. One file, as they
 * run on both databases.
 */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ProcessorReport, TaskState } from '@/protocol/index.js'
import type { ClaimTasksAnswer } from '@/protocol/wire.js'
import { databaseOf, databaseTime, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { TaskStore } from '@/tasks/task-store.js'
import { withSender } from '@/testing/messages.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, policyWithoutPauses, TEST_API, TEST_TASKS } from '../support/tasks.js'

const CLAIM = `${TEST_API}/claimTasks`
const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const ids = (tasks: Array<{ id: string }>) => tasks.map(({ id }) => id)
const never = new AbortController().signal

async function clean({ component: { controller } }: TestMain): Promise<void> {
  await inTransaction(controller, 'clean', async () => {
    for (const name of [TEST_TASKS.apiCall, TEST_TASKS.integrationEvent]) {
      await databaseOf(controller).query(`DELETE FROM ${physicalEntity(controller, name).table}`, [])
    }
  })
}

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  let limited: TestMain
  beforeAll(async () => {
    const options = async () => (database === 'PGLite' ? {} : { databaseUrl: await createDatabase() })
    main = await startTestMain(await options())
    limited = await startTestMain({ ...(await options()), maxTasksInFlight: 3 })
  })
  afterAll(() => Promise.all([main?.stop(), limited?.stop()]))
  afterEach(() => Promise.all([clean(main), clean(limited)]))

  const plant = (task: PlantedTask = {}, of = main) => plantTask(of.component.controller, task)
  const now = () => reading(main.component.controller, 'now', () => databaseTime(main.component.controller))
  async function claim(given: Record<string, unknown> = {}, of = main): Promise<ClaimTasksAnswer> {
    const { status, body } = await of.internalPost(CLAIM, { claimId: randomUUID(), ...given })
    expect({ status, body }).toMatchObject({ status: 200 })
    return body
  }
  const stateOf = async (id: string, of = main) =>
    (await new TaskReader(of.component.controller, TEST_TASKS).find(id))?.state as TaskState

  it('ends a batch with the task that reaches 4 MiB of parameters; the next one claims the rest', async () => {
    const { storage } = main.component.controller.system
    const requestParams = { kind: 'simple', message: 'x'.repeat(1024 * 1024) }
    const planted: string[] = []
    for (let createdAt = 1; createdAt <= 6; createdAt += 1) {
      await inTransaction(main.component.controller, 'large', async () => {
        planted.push(String((await storage.create(TEST_TASKS.apiCall, { createdAt, requestParams })).id))
      })
    }
    const batches = [ids((await claim({ limit: 32 })).tasks), ids((await claim({ limit: 32 })).tasks)]
    expect(batches).toEqual([planted.slice(0, 4), planted.slice(4)])
  })

  it('claims the oldest that are due, each with its attempt, its token and its lease', async () => {
    const time = await now()
    const second = await plant({ createdAt: 2, events: [events.queued(1, time - 1), events.failed(1, time - 1)] })
    const first = await plant({ createdAt: 1 })
    await plant({ createdAt: 0, state: { dueAt: time + 60 } })
    const third = await plant({ createdAt: 3, state: { dueAt: time - 1 } })
    const fourth = await plant({ createdAt: 4 })
    const claimId = randomUUID()
    const answer = await claim({ claimId, limit: 3 })

    expect(ids(answer.tasks)).toEqual([first, second, third])
    expect(answer).toMatchObject({ claimed: true, suspects: [] })
    const { taskKey, state } = (await new TaskReader(main.component.controller, TEST_TASKS).find(second)) ?? {}
    expect(answer.tasks[1]).toEqual({
      id: second,
      taskKey,
      status: 'queued',
      attempts: 1,
      startedAt: state?.startedAt,
      createdAt: 2,
      requestParams: { kind: 'simple' },
      attempt: 2,
      fencingToken: state?.fencingToken,
      leaseSeconds: 300,
      takeOver: false,
    })
    expect((await stateOf(fourth)).status).toBe('pending')
    expect(ids((await claim()).tasks)).toEqual([fourth])
  })

  it('a claim is as good as one that came alone: released, taken over, begun', async () => {
    const id = await plant()
    const [{ attempt, fencingToken }] = (await claim()).tasks as [ClaimTasksAnswer['tasks'][0]]
    const released = { apiCallId: id, status: 'released', attempt, fencingToken }
    expect(await main.internalPost(REPORT, released)).toMatchObject({ status: 200, body: { status: 'pending' } })
    expect(await main.internalPost(REPORT, released)).toMatchObject({ status: 409, body: { reason: 'stale_token' } })

    const stuck = await plant({ events: [events.queued(1, (await now()) - 1)] })
    // On a slow machine what was released is due again.
    const taken = (await claim()).tasks.find((task) => task.id === stuck)
    expect(taken).toMatchObject({ attempt: 1, takeOver: true })
    const begin = { apiCallId: stuck, status: 'begin', attempt: 1, runId: 'run-1' }
    expect(await main.internalPost(REPORT, begin)).toMatchObject({ status: 200, body: { status: 'queued' } })
  })

  it('of the same claimId at once all are answered alike, and one of them claims', async () => {
    // Each has a connection already, so that they do come at once.
    await Promise.all(Array.from({ length: 8 }, () => claim({ limit: 1 })))
    const planted = [await plant({ createdAt: 1 }), await plant({ createdAt: 2 }), await plant({ createdAt: 3 })]
    const claimId = randomUUID()
    const asked = Array.from({ length: 6 }, (_, index) => claim({ claimId, limit: 2, waitSeconds: index % 2 ? 2 : 0 }))
    const answers = await Promise.all(asked)
    for (const { tasks } of answers) expect(ids(tasks)).toEqual(planted.slice(0, 2))
    expect(new Set(answers.flatMap(({ tasks }) => tasks.map(({ fencingToken }) => fencingToken))).size).toBe(2)
    expect((await stateOf(planted[2] ?? '')).status).toBe('pending')
  })

  it('sent again, a claimId is answered at once, though it may wait', async () => {
    const claimId = randomUUID()
    await plant()
    const first = await claim({ claimId })
    expect(ids((await claim({ claimId, waitSeconds: 1 })).tasks)).toEqual(ids(first.tasks))
  })

  it('claimers at once get disjoint batches', async () => {
    const planted = [await plant(), await plant(), await plant(), await plant()]
    const answers = await Promise.all(Array.from({ length: 8 }, () => claim({ limit: 1 })))
    const left = await claim()
    expect([...answers, left].flatMap(({ tasks }) => ids(tasks)).sort()).toEqual(planted.sort())
  })

  it('a claimer that has gone by the end claims nothing', async () => {
    const store = new TaskStore(main.component.controller, TEST_TASKS, { policy: policyWithoutPauses })
    const id = await plant()
    const claiming = store.claim({ claimId: randomUUID(), limit: 1 }, AbortSignal.abort('gone'))
    await expect(claiming).rejects.toBe('gone')
    expect((await stateOf(id)).status).toBe('pending')
  })

  it('a claimId that claims nothing claims nothing for ever after it has claimed', async () => {
    const claimId = randomUUID()
    const id = await plant()
    expect(await claim({ claimId, limit: 0 })).toEqual({ tasks: [], claimed: false, suspects: [] })
    expect(ids((await claim({ claimId })).tasks)).toEqual([id])
    await main.internalPost(REPORT, { apiCallId: id, status: 'begin', attempt: 1, runId: 'run-1' })
    await plant()
    expect(await claim({ claimId })).toEqual({ tasks: [], claimed: true, suspects: [] })
  })

  it('no more are in flight than may be, whichever attempt they are at; take-overs are in flight already', async () => {
    const time = await now()
    const once = [events.queued(1, time), events.failed(1, 0)]
    const planted: string[] = []
    for (let createdAt = 1; createdAt <= 6; createdAt += 1) {
      const given = createdAt % 2 === 0 ? { events: once } : createdAt === 3 ? { state: { dueAt: 1 } } : {}
      planted.push(await plant({ createdAt, ...given }, limited))
    }
    const answers = await Promise.all([claim({ limit: 2 }, limited), claim({ limit: 5 }, limited)])
    expect(answers.flatMap(({ tasks }) => tasks)).toHaveLength(3)
    expect((await claim({}, limited)).tasks).toEqual([])
    const stuck = await plant({ createdAt: 9, events: [events.queued(1, time - 1)] }, limited)
    expect(ids((await claim({}, limited)).tasks)).toEqual([stuck])
  })

  it('a suspect is told, and not claimed; it hides nothing, however many there are', async () => {
    const time = await now()
    const suspect = { state: { takeOvers: 2 }, events: [events.queued(1, time - 1)] }
    const suspects = [await plant({ createdAt: 1, ...suspect }), await plant({ createdAt: 2, ...suspect })]
    const innocent = await plant({ createdAt: 3 })
    const answer = await claim({ limit: 1 })
    expect([ids(answer.tasks), ids(answer.suspects)]).toEqual([[innocent], suspects])
    expect(await claim({ waitSeconds: 20 })).toMatchObject({ tasks: [], claimed: false, suspects: [{}, {}] })

    const alone = { apiCallId: suspects[0], status: 'queued', alone: true }
    expect(await main.internalPost(REPORT, alone)).toMatchObject({ status: 200, body: { takeOver: true } })
  })

  it('is parked until a task is created; a claimer that has gone meanwhile gets none', async () => {
    const gone = new AbortController()
    const url = new URL(CLAIM, main.url)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${main.token}` }
    const body = JSON.stringify({ claimId: randomUUID(), waitSeconds: 20 })
    const first = fetch(url, { method: 'POST', headers, body, signal: gone.signal }).catch(() => 'gone')
    await main.internalGet('/health')
    const second = claim({ waitSeconds: 20 })
    await main.internalGet('/health')
    gone.abort()
    expect(await first).toBe('gone')
    await main.internalGet('/health')
    const created = await main.post('/api/test/run', {})
    expect((await second).tasks.map(({ taskKey }) => taskKey)).toEqual([created.body.taskId])
  })

  /** What a claimId may do, in any order: a reference in memory beside the store. */
  it('whatever happens in between, a claimId claims once, and is answered what is left of that', async () => {
    const store = new TaskStore(main.component.controller, TEST_TASKS, {
      policy: { ...policyWithoutPauses, stuckTimeoutSeconds: 300 },
    })
    const of = fc.nat({ max: 3 })
    const step = fc.oneof(
      fc.record({ kind: fc.constant('create' as const) }),
      fc.record({ kind: fc.constant('claim' as const), claimId: of, limit: fc.nat({ max: 3 }) }),
      fc.record({ kind: fc.constantFrom('release', 'begin', 'fail', 'look', 'cancel', 'claim alone'), task: of }),
    )
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 16 }), async (steps) => {
      await clean(main)
      const run = randomUUID()
      const tasks: Array<{ id: string; claimable: boolean; claimId: number | null }> = []
      const used = new Set<number>()
      for (const given of steps) {
        if ('task' in given) {
          const task = tasks[given.task % Math.max(tasks.length, 1)]
          if (task) await move(store, task, given.kind)
        } else if (given.kind === 'create') {
          tasks.push({ id: await plant({ createdAt: tasks.length }), claimable: true, claimId: null })
        } else {
          const { claimId, limit } = given
          if (!used.has(claimId)) {
            const claimed = tasks.filter(({ claimable }) => claimable).slice(0, limit)
            for (const task of claimed) Object.assign(task, { claimable: false, claimId })
            if (claimed.length > 0) used.add(claimId)
          }
          const answer = await store.claim({ claimId: `${run}-${claimId}`, limit }, never)
          const expected = tasks.filter((task) => task.claimId === claimId)
          expect([ids(answer.tasks), answer.claimed]).toEqual([ids(expected), used.has(claimId)])
        }
      }
    })
    await fc.assert(property, { numRuns: 15, seed: Number(process.env.PROTOCOL_SEED ?? 1) })
  }, 60_000)
})

/** Moves a task as its claimer, its run or a person would; the reference learns whether it has moved. */
async function move(
  store: TaskStore,
  task: { id: string; claimable: boolean; claimId: number | null },
  kind: string,
): Promise<void> {
  const { state } = (await store.find(task.id)) ?? {}
  if (!state) throw new Error('The task is gone')
  const fenced = { attempt: state.attempts + 1, fencingToken: state.fencingToken ?? 'never-claimed' }
  const error = { code: 'broken', message: '' }
  const runId = `run-${fenced.attempt}`
  const requests: Record<string, Parameters<typeof withSender>[0]> = {
    release: { status: 'released', ...fenced },
    begin: { status: 'begin', attempt: fenced.attempt, runId },
    fail: { status: 'failed', attempt: fenced.attempt, runId, error, retryable: true },
    look: { status: 'running', ...fenced },
    'claim alone': { status: 'queued' } satisfies ProcessorReport,
  }
  const request = requests[kind]
  await store.carryOut(
    task.id,
    request ? withSender(request) : { from: 'operator', status: 'cancelled', by: 'the test' },
  )
  const after = (await store.find(task.id))?.state
  if (after?.fencingToken !== state.fencingToken) task.claimId = null
  task.claimable = after?.status === 'pending' || (after?.status === 'failed' && after.attempts < after.attemptLimit)
}

describe('what may be asked', () => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain()
  })
  afterAll(() => main.stop())

  it.each([
    ['claimId', { claimId: 'short' }],
    ['claimId', {}],
    ['limit', { claimId: randomUUID(), limit: 101 }],
    ['limit', { claimId: randomUUID(), limit: '1' }],
    ['waitSeconds', { claimId: randomUUID(), waitSeconds: 26 }],
  ])('not with a wrong %s', async (field, body) => {
    expect(await main.internalPost(CLAIM, body)).toMatchObject({ status: 400, body: { fields: [{ field }] } })
  })

  it('nothing without the internal token', async () => {
    expect(await main.post(CLAIM, { claimId: randomUUID() })).toMatchObject({ status: 401 })
  })
})
