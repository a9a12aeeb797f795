import pg from 'pg'
import pino from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '@/main-component/open-database.js'
import { databaseOf, inTransaction } from '@/tasks/database/sql.js'
import { type MainProcess, startMainProcess, startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

afterEach(() => {
  vi.useRealTimers()
})

describe('on PostgreSQL', () => {
  it('three processes boot an empty database at once, and share it', async () => {
    const env = { DATABASE_URL: await createDatabase() }
    const mains = await Promise.all([startMainProcess(env), startMainProcess(env), startMainProcess(env)])
    try {
      const [first, ...others] = mains as [MainProcess, ...MainProcess[]]
      const { body } = await first.post('/api/test/run', { message: 'for all' })
      for (const main of others) {
        expect(await main.get(`/api/test/tasks/${body.taskId}`)).toMatchObject({
          status: 200,
          body: { status: 'pending' },
        })
      }
    } finally {
      const ends = await Promise.all(mains.map((main) => main.stop()))
      expect(ends.map(({ code }) => code)).toEqual([0, 0, 0])
    }
  })

  it('a second boot keeps what is stored', async () => {
    const databaseUrl = await createDatabase()
    const taskId = await withMain({ databaseUrl }, async (main) => (await main.post('/api/test/run', {})).body.taskId)
    await withMain({ databaseUrl }, async (main) => {
      expect(await main.get(`/api/test/tasks/${taskId}`)).toMatchObject({ status: 200, body: { status: 'pending' } })
    })
  })

  it('what waits for a connection when the boot ends gets one', async () => {
    const place = { url: await createDatabase(), dataDir: '' }
    const { driver, alone, close } = await openDatabase(place, pino({ level: 'silent' }))
    try {
      await driver.open()
      const asked = await alone(async () => {
        await driver.query('SELECT 0', [])
        return [1, 2, 3].map((n) => driver.query<{ n: number }>('SELECT $1::int AS n', [n]))
      })
      expect((await Promise.all(asked)).flat()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    } finally {
      await close()
    }
  })

  it('an install that fails leaves nothing behind, and the next one succeeds', async () => {
    const databaseUrl = await createDatabase()
    const clash = 'CREATE TABLE "TestTask" (id int)'
    await onDatabase(databaseUrl, clash)
    await expect(startTestMain({ databaseUrl })).rejects.toThrow(/TestTask/)
    await onDatabase(databaseUrl, 'DROP TABLE "TestTask"')
    await withMain({ databaseUrl }, async (main) => {
      expect(await main.post('/api/test/run', {})).toMatchObject({ status: 200 })
    })
  })

  it('a missing database is named, with the remedy', async () => {
    const databaseUrl = (await createDatabase()).replace(/[^/]+$/, 'nowhere')
    await expect(startTestMain({ databaseUrl })).rejects.toMatchObject({ code: 'DATABASE_MISSING', retryable: false })
  })

  it('a server that is not there is told as that', async () => {
    const databaseUrl = 'postgresql://test:secret-password@127.0.0.1:1/app'
    const error = await startTestMain({ databaseUrl }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE', retryable: true })
    expect(String(error)).not.toContain('secret-password')
  })

  it('what is due goes by the database’s clock, not by this process’s', async () => {
    await withMain({ databaseUrl: await createDatabase() }, async (main) => {
      await plantTask(main.component.controller, { state: { dueAt: Date.now() / 1000 + 60 } })
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
      expect((await main.internalGet(`${TEST_API}/fetchPendingTasks`)).body).toEqual({ tasks: [] })
    })
  })

  it('cut connections cost the requests under way, and nothing after them', async () => {
    const databaseUrl = await createDatabase()
    await withMain({ databaseUrl }, async (main) => {
      const cutAll = () =>
        onDatabase(
          databaseUrl,
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
        )
      const { controller } = main.component
      const underWay = inTransaction(controller, 'cut', async () => {
        await databaseOf(controller).query('SELECT 1', [])
        await cutAll()
      })
      await expect(underWay).rejects.toThrow()
      expect(await main.post('/api/test/run', {})).toMatchObject({ status: 200 })
    })
  })

  it('a storage fault is a 5xx without its insides, and stores nothing', async () => {
    await withMain({ databaseUrl: await createDatabase() }, async (main) => {
      const { controller } = main.component
      const id = await plantTask(controller)
      const database = databaseOf(controller)
      await database.scheme('ALTER TABLE "TestAsyncTaskIntegrationEvent" RENAME TO "away"')
      const claim = { apiCallId: id, status: 'queued' }
      const { status, body } = await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, claim)
      expect([status, body]).toEqual([500, { success: false, error: 'Internal error', requestId: expect.any(String) }])
      await database.scheme('ALTER TABLE "away" RENAME TO "TestAsyncTaskIntegrationEvent"')
      expect(await main.get(`/api/test/tasks/${await taskKeyOf(controller, id)}`)).toMatchObject({
        body: { status: 'pending', timeline: [] },
      })
    })
  })
})

async function withMain<T>(
  options: Parameters<typeof startTestMain>[0],
  use: (main: TestMain) => Promise<T>,
): Promise<T> {
  const main = await startTestMain(options)
  try {
    return await use(main)
  } finally {
    await main.stop()
  }
}

async function onDatabase(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query(sql)
  await client.end()
}
