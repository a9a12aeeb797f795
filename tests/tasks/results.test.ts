/** A result is stored once: in its column, and neither in the row's `state` nor in an event. */
import { MatchExp } from 'interaqt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOf, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { events, plantTask, policyWithoutPauses as policy, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const MARK = 'found-nowhere-else'
const RESULT = { success: true, steps: [MARK] }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let postgres: TestPostgres | undefined
  let main: TestMain
  beforeAll(async () => {
    if (database === 'PostgreSQL') postgres = await startPostgres()
    main = await startTestMain(postgres ? { databaseUrl: await postgres.createDatabase() } : {})
  })
  afterAll(async () => {
    await main.stop()
    await postgres?.stop()
  })

  const shown = async (id: string) =>
    (await main.get(`/api/test/tasks/${await taskKeyOf(main.component.controller, id)}`)).body.result

  const plantProcessing = () =>
    plantTask(main.component.controller, { events: [events.queued(1, 4e9), events.processing(1)] })

  /** How often a task's row and its events hold the text. */
  const timesStored = async (id: string) => {
    const { controller } = main.component
    const [call, event] = [TEST_TASKS.apiCall, TEST_TASKS.integrationEvent].map((name) =>
      physicalEntity(controller, name),
    )
    const sql =
      `SELECT string_agg(stored, ' ') AS stored FROM (SELECT c::text AS stored FROM ${call?.table} c` +
      ` WHERE ${call?.column('id')}::text = $1 UNION ALL SELECT e::text FROM ${event?.table} e` +
      ` WHERE ${event?.column('apiCallId')} = $1) AS all_of_it`
    const [row] = await reading(controller, 'text', () => databaseOf(controller).query<{ stored: string }>(sql, [id]))
    return (row?.stored.split(MARK).length ?? 0) - 1
  }

  it('one that is reported is stored once, also when it is reported again, and kept whatever else changes', async () => {
    const { controller } = main.component
    const id = await plantProcessing()
    const report = { apiCallId: id, attempt: 1, runId: 'run-1', status: 'completed', result: RESULT }
    for (let times = 0; times < 2; times += 1) {
      expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, report)).toMatchObject({ status: 200 })
      expect(await timesStored(id)).toBe(1)
      expect(await shown(id)).toEqual(RESULT)
    }
    const other = { ...report, result: { success: true, steps: ['other'] } }
    expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, other)).toMatchObject({ status: 200 })
    expect(await shown(id)).toEqual(RESULT)

    const match = MatchExp.atom({ key: 'id', value: ['=', id] })
    await inTransaction(controller, 'update', () =>
      controller.system.storage.update(TEST_TASKS.apiCall, match, { userId: 'anna' }),
    )
    const row = await inTransaction(controller, 'find', () =>
      controller.system.storage.findOne(TEST_TASKS.apiCall, match, undefined, ['*']),
    )
    expect(row).toMatchObject({ userId: 'anna', result: RESULT, status: 'completed', state: { result: null } })
  })

  it('one that a verdict delivers is stored once', async () => {
    const id = await plantProcessing()
    const verdict = {
      from: 'processor',
      status: 'completed',
      attempt: 1,
      fencingToken: 'token-processing',
      result: RESULT,
    } as const
    await new TaskStore(main.component.controller, TEST_TASKS, { policy }).carryOut(id, verdict)
    expect(await shown(id)).toEqual(RESULT)
    expect(await timesStored(id)).toBe(1)
  })

  it('one of a run from after a restored backup is stored once', async () => {
    const id = await plantTask(main.component.controller)
    const report = { apiCallId: id, attempt: 3, runId: 'run-3', status: 'completed', result: RESULT }
    expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, report)).toMatchObject({ status: 200 })
    expect(await shown(id)).toEqual(RESULT)
    expect(await timesStored(id)).toBe(1)
  })

  it('one that an earlier version stored three times is shown', async () => {
    const completed = { ...events.completed(1), result: RESULT }
    const id = await plantTask(main.component.controller, {
      events: [events.queued(1, 4e9), events.processing(1), completed],
    })
    expect(await timesStored(id)).toBe(3)
    expect(await shown(id)).toEqual(RESULT)
  })
})
