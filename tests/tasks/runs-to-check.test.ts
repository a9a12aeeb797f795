import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { events, plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'

let main: TestMain
beforeAll(async () => {
  main = await startTestMain()
})
afterAll(() => main.stop())

/** A task whose run is processing, and was claimed so many seconds ago. */
const processing = (secondsAgo: number) =>
  plantTask(main.component.controller, {
    events: [events.queued(1, Date.now() / 1000 - secondsAgo + 300), events.processing(1)],
  })
const toCheck = async (query = '') => (await main.internalGet(`${TEST_API}/runsToCheck${query}`)).body.runs
const task = async (id: string) => {
  const found = await new TaskReader(main.component.controller, TEST_TASKS).find(id)
  if (!found) throw new Error(`There is no task ${id}`)
  return found
}
const ids = (runs: Array<{ apiCallId: string }>) => runs.map((run) => run.apiCallId)

describe('runsToCheck', () => {
  it('is not worth asking if the end of a long poll for tasks says so', async () => {
    const poll = async () => {
      const request = { claimId: randomUUID(), waitSeconds: 0.01 }
      return (await main.internalPost(`${TEST_API}/claimTasks`, request)).body
    }
    expect(await poll()).toEqual({ tasks: [], claimed: false, suspects: [], runsInFlight: false })
    const id = await processing(1)
    expect(await poll()).toMatchObject({ runsInFlight: true })
    const lost = { status: 'failed', error: { code: 'workflow_lost', message: 'gone' }, retryable: true }
    const verdict = { apiCallId: id, attempt: 1, fencingToken: 'token-processing', ...lost }
    await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, verdict)
    expect(await poll()).toMatchObject({ runsInFlight: false })
  })

  it('names those unchecked for longest first, with what a verdict has to bring', async () => {
    const [newer, older, fresh] = [await processing(500), await processing(1000), await processing(10)]
    const runs = await toCheck()
    expect(ids(runs)).toEqual([older, newer])
    expect(ids(runs)).not.toContain(fresh)
    expect(runs[0]).toEqual({
      apiCallId: older,
      taskKey: expect.any(String),
      attempt: 1,
      fencingToken: 'token-processing',
      status: 'processing',
      runId: 'run-1',
    })
    expect(ids(await toCheck('?limit=1'))).toEqual([older])
    expect(ids(await toCheck('?uncheckedForSeconds=0'))).toEqual([older, newer, fresh])
  })

  it('a look puts a run at the end; its end takes it off the list', async () => {
    const id = await processing(2000)
    expect(ids(await toCheck())[0]).toBe(id)
    const verdict = { apiCallId: id, attempt: 1, fencingToken: 'token-processing' }
    const report = (rest: object) => main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { ...verdict, ...rest })

    expect(await report({ status: 'running' })).toMatchObject({ status: 200 })
    expect(ids(await toCheck())).not.toContain(id)
    expect(ids(await toCheck('?uncheckedForSeconds=0')).at(-1)).toBe(id)

    const lost = { status: 'failed', error: { code: 'workflow_lost', message: 'gone' }, retryable: true }
    expect(await report(lost)).toMatchObject({ status: 200, body: { status: 'failed' } })
    expect(ids(await toCheck('?uncheckedForSeconds=0'))).not.toContain(id)
  })

  it('a look is noted on the row, and adds nothing to the history', async () => {
    const id = await plantTask(main.component.controller, { events: [events.queued(1, Date.now() / 1000 + 1)] })
    const { taskKey, state } = await task(id)
    const look = { apiCallId: id, attempt: 1, fencingToken: state.fencingToken, status: 'running' }
    for (let minute = 0; minute < 3; minute += 1) {
      expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, look)).toMatchObject({ status: 200 })
    }
    const looked = (await task(id)).state
    expect(looked).toMatchObject({ status: 'queued', checkedAt: expect.any(Number) })
    expect(looked.leaseExpiresAt).toBeGreaterThan(Date.now() / 1000 + 200)

    const begin = { apiCallId: id, taskKey, attempt: 1, status: 'begin', runId: 'run-1' }
    expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, begin)).toMatchObject({ status: 200 })
    expect((await task(id)).state).toMatchObject({ runId: 'run-1', checkedAt: looked.checkedAt })
    const { timeline } = (await main.get(`/api/test/tasks/${taskKey}`)).body
    expect(timeline.map(({ type }: { type: string }) => type)).toEqual(['queued', 'begun'])
  })

  it('keeps naming the run of a cancelled task until it is seen closed', async () => {
    const id = await processing(3000)
    await main.internalPost(`${TEST_API}/cancelTask`, { apiCallId: id, by: 'anna' })
    const [run] = await toCheck()
    expect(run).toMatchObject({ apiCallId: id, status: 'cancelled' })
    const closed = { apiCallId: id, status: 'closed', attempt: run.attempt, fencingToken: run.fencingToken }
    expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, closed)).toMatchObject({ status: 200 })
    expect(ids(await toCheck('?uncheckedForSeconds=0'))).not.toContain(id)
  })

  it('needs the internal token', async () => {
    expect(await main.get(`${TEST_API}/runsToCheck`)).toMatchObject({ status: 401 })
  })
})
