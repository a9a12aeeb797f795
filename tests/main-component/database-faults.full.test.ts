/** Main while its PostgreSQL restarts, has no connection left, or is in its own way. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MatchExp } from 'interaqt'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TaskState } from '@/protocol/index.js'
import { databaseOf, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { holdAllConnections, rendezvous } from '../support/connections.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`

let postgres: TestPostgres
let databaseUrl: string
let main: TestMain
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  databaseUrl = await postgres.createDatabase()
  main = await startTestMain({ databaseUrl })
})
afterEach(() => main.stop())

/** Where a task is shown, by its row's id. */
const pathOf = async (id: string) => `/api/test/tasks/${await taskKeyOf(main.component.controller, id)}`

describe('a restart of the database', () => {
  it('while claims go on: each task has one winner, who was told so, and no other 200 was given', async () => {
    const taskIds = await Promise.all(Array.from({ length: 60 }, () => plantTask(main.component.controller)))
    const restarted = sleep(100).then(() => postgres.restart())
    const claims = await Promise.all(
      taskIds.flatMap((id, index) => ['a', 'b'].map((claimer) => claimUntilAnswered(id, claimer, 8 * index))),
    )
    await restarted

    expect(claims.filter(({ troubles }) => troubles.some((status) => status !== 503 && status !== 500))).toEqual([])
    for (const id of taskIds) {
      const winners = claims.filter((claim) => claim.id === id && claim.status === 200)
      expect(winners).toHaveLength(1)
      const { body } = await main.get(await pathOf(id))
      expect(body.timeline).toMatchObject([{ type: 'queued', attempt: 1 }])
      expect(await storedToken(id)).toBe(winners[0]?.fencingToken)
    }
  })

  it('in the middle of a transaction is not noticed: the transaction is run again', async () => {
    const { controller } = main.component
    let runs = 0
    const id = await inTransaction(controller, 'cut', async () => {
      runs += 1
      const { id } = await controller.system.storage.create('TestTask', { options: { kind: 'simple' } })
      if (runs === 1) await postgres.restart()
      await databaseOf(controller).query('SELECT 1', [])
      return id
    })
    expect(runs).toBe(2)
    expect(await controller.system.storage.find('TestTask')).toEqual([{ id }])
  })

  it('while a transaction commits is not glossed over, and the work is not done twice', async () => {
    const { controller } = main.component
    let runs = 0
    const committing = inTransaction(controller, 'commit', async () => {
      runs += 1
      await controller.system.storage.create('TestTask', { options: { kind: 'simple' } })
      await postgres.restart()
    })
    await expect(committing).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', retryable: false })
    expect(runs).toBe(1)
  })

  it('that lasts is answered with 503 and Retry-After, also by /health, until it is over', async () => {
    const id = await plantTask(main.component.controller)
    const path = await pathOf(id)
    await postgres.restart(async () => {
      const [health, ...others] = await Promise.all([ask('/health'), claim(id, 'token-away'), ask(path)])
      expect(health.status).toBe(503)
      for (const answer of others) await expectUnavailable(answer)
    })
    expect((await claim(id, 'token-afterwards')).status).toBe(200)
  })
})

describe('no connection left', () => {
  it('is answered with 503 and Retry-After, stores nothing, and is over when they are free again', async () => {
    const { controller } = main.component
    const id = await plantTask(controller)
    const path = await pathOf(id)
    const release = await holdAllConnections(controller)
    try {
      const answers = await Promise.all([claim(id, 'token-exhausted'), ask(path)])
      for (const answer of answers) await expectUnavailable(answer)
    } finally {
      await release()
    }
    expect((await main.get(await pathOf(id))).body).toMatchObject({ status: 'pending', timeline: [] })
    expect((await claim(id, 'token-afterwards')).status).toBe(200)
  })
})

describe('transactions in each other’s way', () => {
  it('a deadlock is run again: both get through', async () => {
    const { controller } = main.component
    const database = databaseOf(controller)
    // A connection that an earlier fault has broken would be a reason to run again too.
    await Promise.all(
      Array.from({ length: 20 }, () => reading(controller, 'settle', () => database.query('SELECT 1', []))),
    )
    await database.scheme('CREATE TABLE counters (id int PRIMARY KEY, n int)')
    await database.query('INSERT INTO counters VALUES (1, 0), (2, 0)', [])
    let runs = 0
    const bump = (id: number) => database.query('UPDATE counters SET n = n + 1 WHERE id = $1', [id])
    const meet = rendezvous(2)
    const inOrder = (first: number, second: number) =>
      inTransaction(controller, 'deadlock', async () => {
        runs += 1
        await bump(first)
        await meet()
        await bump(second)
      })
    await Promise.all([inOrder(1, 2), inOrder(2, 1)])
    expect(runs).toBe(3)
    expect(await database.query('SELECT n FROM counters', [])).toEqual([{ n: 2 }, { n: 2 }])
  })

  it('a serialization failure is run again', async () => {
    const { controller } = main.component
    let runs = 0
    const work = inTransaction(controller, 'conflict', async () => {
      runs += 1
      if (runs < 3) await databaseOf(controller).query(`DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`, [])
      return runs
    })
    expect(await work).toBe(3)
  })

  it.each([
    ['a serialization failure that does not cease', '40001'],
    ['a row lock that is not to be had in time', '55P03'],
  ])('%s is answered with 503, and stores nothing', async (_what, code) => {
    const { controller } = main.component
    const id = await plantTask(controller)
    const database = databaseOf(controller)
    const { table } = physicalEntity(controller, TEST_TASKS.integrationEvent)
    await database.scheme(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '${code}'; END $$`,
    )
    await database.scheme(`CREATE TRIGGER refuse BEFORE INSERT ON ${table} EXECUTE FUNCTION refuse()`)
    await expectUnavailable(await claim(id, 'token-in-the-way'))
    await database.scheme(`DROP TRIGGER refuse ON ${table}`)
    expect((await main.get(await pathOf(id))).body).toMatchObject({ status: 'pending', timeline: [] })
    expect((await claim(id, 'token-afterwards')).status).toBe(200)
  })
})

interface Claimed {
  id: string
  fencingToken: string
  status: number
  troubles: number[]
}

/** As the daemon claims: with a token of its own, again after every 5xx. */
async function claimUntilAnswered(id: string, claimer: string, delayMs: number): Promise<Claimed> {
  await sleep(delayMs)
  const fencingToken = `token-${claimer}-${id}`
  const troubles: number[] = []
  for (;;) {
    const { status } = await claim(id, fencingToken)
    if (status < 500) return { id, fencingToken, status, troubles }
    troubles.push(status)
    await sleep(50)
  }
}

function claim(apiCallId: string, fencingToken: string): Promise<Response> {
  const headers = { authorization: `Bearer ${main.token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ apiCallId, status: 'queued', fencingToken })
  return fetch(main.url + REPORT, { method: 'POST', headers, body })
}

async function expectUnavailable(answer: Response): Promise<void> {
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)])
  expect(await answer.json()).toEqual({
    success: false,
    error: expect.stringContaining('nothing was stored'),
    requestId: expect.any(String),
  })
}

async function storedToken(id: string): Promise<string | null> {
  const { storage } = main.component.controller.system
  const match = MatchExp.atom({ key: 'id', value: ['=', Number(id)] })
  const row = await storage.findOne(TEST_TASKS.apiCall, match, undefined, ['state'])
  return (row.state as TaskState).fencingToken
}

function ask(path: string): Promise<Response> {
  return fetch(main.url + path)
}
