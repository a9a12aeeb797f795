/** What holds the claims of one row apart: its lock, the time that is read under it, and an index behind it. */
import { findConstraintViolationError } from 'interaqt'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inTransaction } from '@/tasks/database/sql.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { columnsOf } from '@/tools/chaos/witnesses/database.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`

let main: TestMain
let other: pg.Client
beforeAll(async () => {
  const databaseUrl = await createDatabase()
  main = await startTestMain({ databaseUrl })
  other = new pg.Client({ connectionString: databaseUrl })
  await other.connect()
})
afterAll(async () => {
  await other.end()
  await main.stop()
})

/** Waits until somebody waits for the lock of a row that `other` has. */
async function untilSomebodyWaits(): Promise<void> {
  const sql = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await expect.poll(async () => (await other.query(sql)).rows[0].count, { interval: 20, timeout: 10_000 }).toBe(1)
}

describe("a claim that waits for its row's lock", () => {
  it('is decided by the row as it is then, and by the time as it is then', async () => {
    const { controller } = main.component
    const id = await plantTask(controller)
    const column = await columnsOf(TEST_TASKS.apiCall, async (sql, params) => (await other.query(sql, params)).rows)
    const row = `FROM "${TEST_TASKS.apiCall}" WHERE ${column('id', 'integer')} = ${Number(id)}`

    await other.query('BEGIN')
    await other.query(`SELECT 1 ${row} FOR UPDATE`)
    const claim = main.internalPost(REPORT, { apiCallId: id, status: 'queued' })
    let releasedAt: number
    try {
      await untilSomebodyWaits()
    } finally {
      const { rows } = await other.query('SELECT extract(epoch FROM clock_timestamp())::float8 AS now')
      releasedAt = rows[0].now
      await other.query('COMMIT')
    }

    expect(await claim).toMatchObject({ status: 200 })
    const { startedAt, leaseExpiresAt } = (await new TaskReader(controller, TEST_TASKS).find(id))?.state ?? {}
    expect(startedAt).toBeGreaterThanOrEqual(releasedAt)
    expect((leaseExpiresAt ?? 0) - (startedAt ?? 0)).toBe(300)
  })
})

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let own: TestMain | undefined
  beforeAll(async () => {
    own = database === 'PGLite' ? await startTestMain() : main
  })
  afterAll(() => (database === 'PGLite' ? own?.stop() : undefined))

  it('were the lock ever missed, a second claim of the same row is refused', async () => {
    const { component, internalPost } = own ?? main
    const { controller } = component
    const id = await plantTask(controller)
    const claim = (attempt: number, token: string, supersedes: string) =>
      inTransaction(controller, 'claim', () =>
        controller.system.storage.create(TEST_TASKS.integrationEvent, {
          apiCallId: id,
          eventType: 'queued',
          attempt,
          at: 1,
          supersedes,
          data: { ...events.queued(attempt, 300), fencingToken: token },
        }),
      )
    const report = { apiCallId: id, status: 'queued', fencingToken: 'first-token' }
    expect(await internalPost(REPORT, report)).toMatchObject({ status: 200 })

    const refused = await claim(1, 'second-token', '').catch((error: unknown) => error)
    expect(findConstraintViolationError(refused)?.context).toMatchObject({ code: 'CLAIMED_TWICE' })
    // A take-over supersedes another token.
    await claim(1, 'third-token', 'first-token')
    expect((await new TaskReader(controller, TEST_TASKS).find(id))?.state.fencingToken).toBe('third-token')
  })
})
