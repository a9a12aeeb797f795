import { createMigrationManifest, MatchExp } from 'interaqt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  claimableAt,
  currentAttempt,
  type TaskEventType,
  type TaskRequest,
  type TaskState,
  uncheckedSince,
} from '@/protocol/index.js'
import { databaseTime, inTransaction } from '@/tasks/database/sql.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { plantTask, policyWithoutPauses as policy, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

let main: TestMain
beforeAll(async () => {
  main = await startTestMain()
})
afterAll(() => main.stop())

const error = { code: 'x', message: 'y' }

/** Every kind of request, as somebody would make it who has just read the row. */
const REQUESTS: Record<string, (state: TaskState) => TaskRequest> = {
  claim: () => ({ from: 'processor', status: 'queued', alone: true }),
  begin: (state) => ({ from: 'run', status: 'begin', attempt: currentAttempt(state), runId: state.runId ?? 'run' }),
  processing: (state) => ({
    from: 'run',
    status: 'processing',
    attempt: currentAttempt(state),
    runId: state.runId ?? 'run',
  }),
  named: (state) => ({
    from: 'run',
    status: 'processing',
    attempt: currentAttempt(state),
    runId: state.runId ?? 'run',
    providerTask: { id: 'p', attempt: currentAttempt(state) },
  }),
  wait: (state) => ({
    from: 'run',
    status: 'waiting',
    attempt: currentAttempt(state),
    runId: state.runId ?? 'run',
    reason: error,
  }),
  resume: (state) => ({ from: 'run', status: 'resumed', attempt: currentAttempt(state), runId: state.runId ?? 'run' }),
  complete: (state) => ({
    from: 'run',
    status: 'completed',
    attempt: currentAttempt(state),
    runId: state.runId ?? 'run',
    result: 1,
  }),
  fail: (state) => ({
    from: 'run',
    status: 'failed',
    attempt: currentAttempt(state),
    runId: state.runId ?? 'run',
    error,
    retryable: true,
  }),
  failForGood: (state) => ({ from: 'processor', status: 'failed', ...asProcessor(state), error, retryable: false }),
  release: (state) => ({ from: 'processor', status: 'released', ...asProcessor(state) }),
  running: (state) => ({ from: 'processor', status: 'running', ...asProcessor(state) }),
  closed: (state) => ({ from: 'processor', status: 'closed', ...asProcessor(state) }),
  completeUnseen: (state) => ({ from: 'processor', status: 'completed', ...asProcessor(state), result: 2 }),
  afterRestore: (state) => ({ from: 'run', status: 'begin', attempt: currentAttempt(state) + 1, runId: 'later-run' }),
  cancel: () => ({ from: 'operator', status: 'cancelled', by: 'operator' }),
  retry: () => ({ from: 'operator', status: 'retry', by: 'operator', extraAttempts: 5 }),
}

function asProcessor(state: TaskState) {
  return { attempt: currentAttempt(state), fencingToken: state.fencingToken ?? '' }
}

/**
 * Every request is tried on every kind of row that requests lead to. A row is remembered by how it was reached;
 * the first way to each kind is enough.
 */
it('whatever is requested of whatever row, what is stored is what the protocol says', async () => {
  const { controller } = main.component
  const store = new TaskStore(controller, TEST_TASKS, { policy })
  const seenTypes = new Set<TaskEventType>()
  const kinds = new Set<string>()
  const ways: string[][] = [[]]
  while (ways.length > 0) {
    const way = ways.shift() ?? []
    for (const next of Object.keys(REQUESTS)) {
      const id = await plantTask(controller)
      let state = await stateOf(id)
      for (const step of [...way, next]) {
        const request = REQUESTS[step]?.(state)
        if (!request) throw new Error(`There is no request ${step}`)
        const done = await store.carryOut(id, request)
        if (!done) throw new Error('The task is gone')
        // What is read back of a row does not have its result.
        state = { ...done.state, result: done.state.result ?? state.result }
      }
      await expectStored(id, state)
      const task = await new TaskReader(controller, TEST_TASKS).view(await taskKeyOf(controller, id), 'operator')
      for (const { type } of task?.timeline ?? []) seenTypes.add(type as TaskEventType)
      const waits = state.status === 'processing' && state.waitingFor ? ', waits' : ''
      const looked = state.checkedAt === null ? '' : ', looked at'
      const kind = `${state.status}, ${state.runId === null ? 'not begun' : 'begun'}${waits}${looked}`
      if (!kinds.has(kind) && way.length < 4) {
        kinds.add(kind)
        ways.push([...way, next])
      }
    }
  }
  // A look is on the row alone, where `expectStored` has seen it.
  expect([...seenTypes].sort()).toEqual([
    'begun',
    'cancelled',
    'completed',
    'failed',
    'processing',
    'queued',
    'released',
    'restored',
    'resumed',
    'retried',
    'runClosed',
    'waiting',
  ])

  async function stateOf(id: string): Promise<TaskState> {
    const task = await new TaskReader(controller, TEST_TASKS).find(id)
    if (!task) throw new Error('The task is gone')
    return task.state
  }

  async function expectStored(id: string, state: TaskState): Promise<void> {
    const match = MatchExp.atom({ key: 'id', value: ['=', id] })
    const row = await inTransaction(controller, 'look', () =>
      controller.system.storage.findOne(TEST_TASKS.apiCall, match, undefined, ['*']),
    )
    const columns = [
      'status',
      'state',
      'attempts',
      'startedAt',
      'dueAt',
      'claimableAt',
      'uncheckedSince',
      'runId',
      'result',
      'error',
    ]
    const stored = Object.fromEntries(columns.map((column) => [column, row[column] ?? null]))
    const { status, attempts, startedAt, dueAt, runId, result } = state
    expect(stored).toEqual({
      status,
      state: { ...state, result: null },
      attempts,
      startedAt,
      dueAt,
      claimableAt: claimableAt(state),
      uncheckedSince: uncheckedSince(state),
      runId,
      result,
      error: state.error,
    })
  }
})

it('a row is created pending, delayed if that is asked for, and in no other status', async () => {
  const { controller } = main.component
  const now = await inTransaction(controller, 'now', () => databaseTime(controller))
  const id = await plantTask(controller, { state: { dueAt: now + 60 } })
  expect((await new TaskReader(controller, TEST_TASKS).find(id))?.state).toMatchObject({
    status: 'pending',
    dueAt: now + 60,
  })
  await expect(plantTask(controller, { state: { status: 'completed' } })).rejects.toMatchObject({
    message: expect.stringContaining('A task is created pending'),
  })
})

it('the database knows the model’s functions by labels, so that another build of them attaches', () => {
  const { computations } = createMigrationManifest(main.component.controller, undefined, { includeFunctionText: true })
  const texts = computations.map(({ functionSignature }) => functionSignature?.text ?? '')
  expect(texts).toHaveLength(9)
  const bodies = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '' && !line.startsWith('// '))
  expect(bodies.filter((body) => !/\.v\d+$/.test(body))).toEqual([])
})

it('an event of another version’s, whose type this one does not know, moves nothing and is shown as it is', async () => {
  const { controller } = main.component
  const id = await plantTask(controller)
  const before = await new TaskReader(controller, TEST_TASKS).find(id)
  const data = { type: 'renewed', attempt: 1, leaseExpiresAt: 5 }
  const event = { apiCallId: id, eventType: 'renewed', attempt: 1, at: 1, supersedes: null, data }
  await inTransaction(controller, 'plant', () => controller.system.storage.create(TEST_TASKS.integrationEvent, event))
  expect(await new TaskReader(controller, TEST_TASKS).find(id)).toEqual(before)
  const task = await new TaskReader(controller, TEST_TASKS).view(await taskKeyOf(controller, id), 'operator')
  expect(task?.timeline).toMatchObject([{ type: 'renewed', attempt: 1 }])
})
