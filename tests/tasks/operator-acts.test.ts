/** What is recorded of operators' acts: all of it, with the act or not at all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordAct } from '@/tasks/operator-acts.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { plantTask, policyWithoutPauses, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    const options = database === 'PGLite' ? {} : { databaseUrl: await createDatabase() }
    main = await startTestMain({ ...options, operatorToken: 'operator-token-0123456789' })
  })
  afterAll(() => main?.stop())

  const acts = async (query = '') => {
    const { status, body } = await main.get(`${TEST_API}/operatorActs${query}`, OPERATOR)
    expect({ status, body }).toMatchObject({ status: 200 })
    return body as { acts: Array<Record<string, unknown>>; next: string | null }
  }

  it('who cancelled what, when, why and how that ended, also if it was refused; the newest first', async () => {
    const { controller } = main.component
    const id = await plantTask(controller)
    const task = await taskKeyOf(controller, id)
    const before = Date.now() / 1000
    const cancel = { apiCallId: id, by: 'anna', reason: 'not wanted' }
    await main.post(`${TEST_API}/cancelTask`, cancel, OPERATOR)
    await main.post(`${TEST_API}/retryTask`, { apiCallId: task, by: 'ben', reason: 'try again' }, OPERATOR)
    await main.post(`${TEST_API}/cancelTask`, { ...cancel, apiCallId: '999999999' }, OPERATOR)

    const common = { who: 'operator', integration: 'testAsyncTask', task, filter: null }
    const { acts: recorded } = await acts()
    expect(recorded).toEqual([
      {
        ...{ ...common, by: 'ben', why: 'try again', act: 'retryTask' },
        ...{
          outcome: { refused: 'wrong_status', status: 'cancelled' },
          id: expect.any(String),
          at: expect.any(Number),
        },
      },
      {
        ...{ ...common, by: 'anna', why: 'not wanted', act: 'cancelTask' },
        ...{ outcome: { status: 'cancelled' }, id: expect.any(String), at: expect.any(Number) },
      },
    ])
    expect(Number(recorded[1]?.at)).toBeGreaterThan(before - 5)
    expect((await main.get('/api/fangzhouVideoGeneration/operatorActs', OPERATOR)).body.acts).toEqual([])
  })

  it('an act that cannot be recorded is not carried out', async () => {
    const { controller } = main.component
    const store = new TaskStore(controller, TEST_TASKS, { policy: policyWithoutPauses })
    const id = await plantTask(controller)
    const cancel = { from: 'operator', status: 'cancelled', by: 'anna' } as const
    const broken = () => Promise.reject(new Error('the disk is full'))
    await expect(store.carryOut(id, cancel, broken)).rejects.toThrow('the disk is full')
    expect((await store.find(id))?.state.status).toBe('pending')
  })

  it('is read page by page, by operators only', async () => {
    const { controller } = main.component
    for (let index = 0; index < 3; index += 1) {
      const outcome = { matched: index }
      const act = { who: 'ben', act: 'cancelMany', integration: 'testAsyncTask', filter: { status: 'failed' }, outcome }
      await controller.system.storage.runInTransaction({ name: 'test' }, () => recordAct(controller, act))
    }
    const first = await acts('?limit=2')
    expect(first.acts).toMatchObject([
      { who: 'ben', by: null, why: null, task: null, filter: { status: 'failed' }, outcome: { matched: 2 } },
      { outcome: { matched: 1 } },
    ])
    const second = await acts(`?limit=2&before=${first.next}`)
    expect(second.acts).toMatchObject([{ outcome: { matched: 0 } }, { act: 'retryTask' }])
    expect(await acts('?before=nonsense')).toEqual({ acts: [], next: null })
    expect(await main.get(`${TEST_API}/operatorActs`)).toMatchObject({ status: 401 })
  })
})
