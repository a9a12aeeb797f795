/** Indexes are made beside who writes, and made again where their making was broken off. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { startTestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'

const INDEX = 'TestAsyncTaskAPICall_by_key'
/** Takes the lock that every write takes. */
const WRITE = 'DELETE FROM "TestAsyncTaskAPICall" WHERE false'
const BUILDER = `SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'`

let postgres: TestPostgres
const clients: pg.Client[] = []
beforeAll(async () => {
  postgres = await startPostgres()
})
afterEach(() => Promise.all(clients.splice(0).map((client) => client.end())))
afterAll(() => postgres.stop())

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, lock_timeout: 2_000 })
  await client.connect()
  clients.push(client)
  return client
}

it('others write while an index is built; one that was broken off is built again', async () => {
  const databaseUrl = await postgres.createDatabase()
  await (await startTestMain({ databaseUrl })).stop()
  const reader = await connect(databaseUrl)
  const other = await connect(databaseUrl)
  await other.query(`DROP INDEX "${INDEX}"`)
  const valid = async () => {
    const { rows } = await other.query(`SELECT indisvalid FROM pg_index WHERE indexrelid = '"${INDEX}"'::regclass`)
    return rows[0]?.indisvalid
  }

  // Who still reads as of before holds up whoever builds an index beside others, and nobody else.
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await reader.query('SELECT count(*) FROM "TestAsyncTaskAPICall"')
  let isOver = false
  const broken = startTestMain({ databaseUrl })
    .catch((error: unknown) => error)
    .finally(() => {
      isOver = true
    })
  const waits = async () => (await other.query(BUILDER)).rows.length === 1
  await expect.poll(async () => isOver || (await waits()), { timeout: 60_000 }).toBe(true)
  expect(isOver, 'main has started without waiting for the reader: not beside others').toBe(false)
  await expect(other.query(WRITE)).resolves.toMatchObject({ command: 'DELETE' })
  await other.query(`SELECT pg_terminate_backend(pid) FROM (${BUILDER}) AS builder`)
  expect(await broken).toBeInstanceOf(Error)
  expect(await valid()).toBe(false)

  await reader.query('COMMIT')
  await (await startTestMain({ databaseUrl })).stop()
  expect(await valid()).toBe(true)
})
