/** Main while its PostgreSQL has gone without a word: connections are open, and no answer comes. */
import pino from 'pino'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { openDatabase } from '@/main-component/open-database.js'
import { inTransaction } from '@/tasks/database/sql.js'
import { holdAllConnections, POOL_SIZE } from '../support/connections.js'
import { eventually } from '../support/eventually.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'
import { TcpProxy } from '../support/tcp-proxy.js'

/** The connection over which main hears of others. */
const LISTENING = 1

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

describe.concurrent('a database that has gone without a word', () => {
  it('costs the requests under way, in time, and nothing once it is back', async ({ expect }) => {
    await withMainBehindProxy(async (main, proxy) => {
      const { controller } = main.component
      const useWholePool = async () => (await holdAllConnections(controller))()
      const id = await plantTask(controller)
      const path = `/api/test/tasks/${await taskKeyOf(controller, id)}`
      await useWholePool()
      await eventually(() => expect(proxy.connections).toBe(POOL_SIZE + LISTENING))

      let commits = 0
      const committing = inTransaction(controller, 'commit', async () => {
        await controller.system.storage.create('TestTask', { options: { kind: 'simple' } })
        proxy.deafen()
        commits += 1
      })
      const commitUnknown = expect(committing).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' })
      await eventually(() => expect(commits).toBe(1))
      const answered: string[] = []
      const requests = [
        main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId: id, status: 'queued' }),
        ...Array.from({ length: POOL_SIZE - 3 }, () => main.get(path)),
      ].map((request) => request.finally(() => answered.push('request')))
      const health = main.get('/health').finally(() => answered.push('health'))
      expect(await health).toMatchObject({ status: 503, body: { status: 'failing' } })
      for (const answer of await Promise.all(requests)) {
        expect(answer).toMatchObject({ status: 503, body: { error: expect.stringContaining('nothing was stored') } })
      }
      expect(answered[0]).toBe('health')
      await commitUnknown
      expect(commits).toBe(1)
      // Nothing waits for answers any more, except who listens: it makes a new connection each few seconds.
      await eventually(() => expect(proxy.connections).toBeLessThanOrEqual(LISTENING))

      proxy.mend()
      expect(await main.get('/health')).toMatchObject({ status: 200 })
      expect(await main.get(path)).toMatchObject({ body: { status: 'pending', timeline: [] } })
      await useWholePool()
      await eventually(() => expect(proxy.connections).toBe(POOL_SIZE + LISTENING))
    })
  })

  it('is not what a database is that works on its schema while main boots', async ({ expect }) => {
    const database = await openDatabase(
      { url: await postgres.createDatabase(), dataDir: '' },
      pino({ level: 'silent' }),
    )
    try {
      await database.alone(async () => {
        await database.driver.open()
        // Longer than any statement may take later.
        await database.driver.scheme('CREATE TABLE slow AS SELECT pg_sleep(16)::text')
      })
      expect(await database.driver.query('SELECT count(*)::int FROM slow', [])).toEqual([{ count: 1 }])
    } finally {
      await database.close()
    }
  })
})

async function withMainBehindProxy(use: (main: TestMain, proxy: TcpProxy) => Promise<void>): Promise<void> {
  const databaseUrl = new URL(await postgres.createDatabase())
  const proxy = await TcpProxy.to(databaseUrl.host)
  databaseUrl.host = proxy.address
  const main = await startTestMain({ databaseUrl: databaseUrl.href })
  try {
    await use(main, proxy)
  } finally {
    proxy.mend()
    await main.stop()
    await proxy.close()
  }
}
