import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TaskRequest, TaskState } from '@/protocol/index.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, type PlantedTask, plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'
import {
  begin,
  claim,
  completed,
  eventTypes,
  failed,
  OTHER_RUN,
  policy,
  processing,
  RUN,
  refusal,
  rows,
  step,
} from './support.js'

/** Stories that lost or repeated work somewhere once, and the rule (in brackets) that ends each well. */

/** What a processor reports about the row as it read it. */
const about = (read: TaskState) => ({ attempt: read.attempts + 1, fencingToken: read.fencingToken ?? '' })
const lost = (read: TaskState): TaskRequest => ({
  from: 'processor',
  status: 'failed',
  error: { code: 'workflow_lost', message: 'Temporal does not know it' },
  retryable: true,
  ...about(read),
})

describe('known traces', () => {
  it('a reconciler finds no run, the delayed start arrives and begins, then "failed" is reported [begin changes the token]', () => {
    const read = rows.queued
    const begun = step(rows.queued, begin(), 10).state
    const { decision, state } = step(begun, lost(read), 11)
    expect(refusal(decision)).toBe('stale_token')
    expect(state).toEqual(begun)
  })

  it('A pauses after its claim, B takes over and starts, A wakes and reports failed [token]', () => {
    const claimedByA = rows.queued
    const claimedByB = step(claimedByA, claim, claimedByA.leaseExpiresAt ?? 0).state
    expect(refusal(step(claimedByB, lost(claimedByA), 400).decision)).toBe('stale_token')
  })

  it("a start's answer is lost, the claim released, and the run begins [adopt]", () => {
    const released = step(rows.queued, { from: 'processor', status: 'released', ...about(rows.queued) }, 10).state
    const { state, decision } = step(released, begin(), 11)
    expect(eventTypes(decision)).toEqual(['queued', 'begun'])
    expect(refusal(step(state, claim, 12).decision)).toBe('lease_held')
  })

  it('completed is accepted, its answer lost, and it is sent again [the same outcome again]', () => {
    const { decision, state } = step(rows.completed, completed(), 10)
    expect(decision).toEqual({ events: [], answer: { ok: true } })
    expect(state).toEqual(rows.completed)
  })

  it('a task fetched as pending fails meanwhile, and is claimed before its back-off [checked again under the lock]', () => {
    expect(refusal(step(rows.failed, claim, rows.failed.dueAt - 1).decision)).toBe('not_due')
  })

  it('processing never arrives, completed does [two events at once]', () => {
    const { state, decision } = step(rows.begun, completed(), 10)
    expect(eventTypes(decision)).toEqual(['processing', 'completed'])
    expect(refusal(step(state, processing(), 11).decision)).toBe('wrong_status')
  })

  it('a run is terminated after the provider accepted its create, before processing [create intent]', () => {
    const over = step(rows.begun, lost(rows.begun), 10).state
    const second = step(over, claim, over.dueAt).state
    const { decision } = step(second, begin(2, OTHER_RUN), over.dueAt + 1)
    expect(decision.answer).toMatchObject({ begin: { openIntents: [{ attempt: 1 }] } })
  })

  it("a terminated run's retention ends, its id runs again, and the old verdict arrives [token]", () => {
    const takenOver = step(rows.queued, claim, rows.queued.leaseExpiresAt ?? 0).state
    const runsAgain = step(takenOver, begin(1, OTHER_RUN), 400).state
    expect(refusal(step(runsAgain, lost(takenOver), 401).decision)).toBe('stale_token')
  })

  it('the same, where the first run had begun [runId]', () => {
    expect(refusal(step(rows.begun, begin(1, OTHER_RUN), 10).decision)).toBe('other_run')
  })

  it("an operator's retry, then an old run's outcome [attempts are never reset]", () => {
    const retried = step(
      rows.exhausted,
      { from: 'operator', status: 'retry', by: 'ops', extraAttempts: policy.maxAttempts },
      10,
    ).state
    const again = step(retried, claim, 11).state
    expect(refusal(step(again, completed(1, RUN), 12).decision)).toBe('wrong_attempt')
    expect(step(again, failed(1, RUN, false), 12).state).toEqual(again)
  })

  it('main is restored from a backup of an hour ago, and a run of attempt 3 reports [attempts follow the run]', () => {
    const { state } = step(rows.pending, processing(3), 10)
    expect(state).toMatchObject({ status: 'processing', attempts: 2 })
    expect(step(state, completed(3), 11).state).toMatchObject({ status: 'completed', outcomes: { 3: 'completed' } })
  })
})

describe("a row's id repeats after a wiped database whose Temporal history was kept [taskKey]", () => {
  const FOR_EVER = 1e12
  const error = { code: 'overloaded', message: 'try later' }
  const result = { success: true, steps: ["another user's"] }
  const fence = { attempt: 1, fencingToken: 'token-of-before' }
  let before: TestMain
  let after: TestMain
  beforeAll(async () => {
    before = await startTestMain({ databaseUrl: await createDatabase() })
    after = await startTestMain({ databaseUrl: await createDatabase() })
  })
  afterAll(async () => {
    await Promise.all([before.stop(), after.stop()])
  })

  const report = (main: TestMain, body: object) => main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, body)
  const find = async ({ component: { controller } }: TestMain, id: string) => {
    const task = await new TaskReader(controller, TEST_TASKS).find(id)
    if (!task) throw new Error(`There is no task ${id}`)
    return task
  }

  /** A row of before and one of now, whose id is the same: ids are counted, in both databases alike. */
  const plantBoth = async (row?: PlantedTask): Promise<string> => {
    const id = await plantTask(before.component.controller)
    expect(await plantTask(after.component.controller, row)).toBe(id)
    return id
  }

  it.each<[string, PlantedTask]>([
    ['pending', {}],
    ['not due yet', { state: { dueAt: FOR_EVER } }],
    ['queued, and has not begun', { events: [events.queued(1, FOR_EVER)] }],
    ['failed, and not due yet', { events: [events.queued(1, FOR_EVER), events.failed(1, FOR_EVER)] }],
    ['completed', { events: [events.queued(1, FOR_EVER), events.processing(1), events.completed(1)] }],
  ])('the new row, which is %s, takes nothing that is told of the old one', async (_how, row) => {
    const apiCallId = await plantBoth(row)
    const { taskKey } = await find(before, apiCallId)
    const untouched = await find(after, apiCallId)

    const old = { apiCallId, taskKey }
    const run = { ...old, attempt: untouched.state.attempts || 1, runId: 'run-of-before' }
    const begin = { ...run, status: 'begin' }
    expect(await report(before, { ...old, status: 'queued' })).toMatchObject({ status: 200 })
    expect(await report(before, begin)).toMatchObject({ status: 200 })
    for (const told of [
      begin,
      { ...run, status: 'processing' },
      { ...run, status: 'completed', result },
      { ...run, status: 'failed', error, retryable: true },
      { ...begin, attempt: run.attempt + 1 },
      { ...old, status: 'queued' },
      { ...old, ...fence, status: 'released' },
      { ...old, ...fence, status: 'running' },
      { ...old, ...fence, status: 'completed', result },
    ]) {
      expect(await report(after, told), told.status).toMatchObject({ status: 409, body: { reason: 'other_task' } })
    }
    expect(await find(after, apiCallId)).toEqual(untouched)
  })

  it('the new row takes what is told of itself', async () => {
    const apiCallId = await plantBoth()
    const own = { apiCallId, taskKey: (await find(after, apiCallId)).taskKey }
    expect(await report(after, { ...own, status: 'queued' })).toMatchObject({ status: 200 })
    const completed = { ...own, attempt: 1, runId: 'run-of-after', status: 'completed', result }
    expect(await report(after, completed)).toMatchObject({ status: 200, body: { status: 'completed' } })
  })
})
