/**
 * How migrating a million tasks of release 0.1.0 affects other clients on PostgreSQL: `npm run bench:migration`, or
 * with another number of rows: `npm run bench:migration -- 100000`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import pino from 'pino'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { startMainComponent } from '@/main-component/index.js'
import { startPostgres } from '@/tests/support/postgres.js'
import { onPostgreSQL, type ReleasedDatabase } from '@/tests/upgrades/databases.js'
import { type Fixture, readFixtures } from '@/tests/upgrades/fixtures.js'

const TASKS = 'TestAsyncTaskAPICall'
const EVENTS = 'TestAsyncTaskIntegrationEvent'
const WRITE_EVERY_MS = 5

async function main(rows: number): Promise<void> {
  const [fixture] = readFixtures() as [Fixture]
  const postgres = await startPostgres()
  const { options, query } = await onPostgreSQL(fixture, () => postgres.createDatabase())
  const { databaseUrl: url } = options as { databaseUrl: string }
  for (const table of [TASKS, EVENTS]) await query(await multiplied(table, rows, query))
  await query('VACUUM ANALYZE')
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const database = { ...main.database, url }
  const stalls = await Promise.all([watch(url, TASKS), watch(url, EVENTS)])
  const from = performance.now()
  const component = await startMainComponent({
    application,
    config: { ...config, components: { ...config.components, main: { ...main, port: 0, database } } },
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  const seconds = (performance.now() - from) / 1000
  const longest = await Promise.all(stalls.map((end) => end()))
  await component.stop()
  await postgres.stop()
  const told = longest.map(
    ({ table, read, write }) => `${table}: a write ${write.toFixed(0)} ms, a read ${read.toFixed(0)} ms`,
  )
  process.stdout.write(
    `${rows} tasks and events; main's start took ${seconds.toFixed(1)} s; the longest wait of ${told.join('; of ')}\n`,
  )
}

/** Copies of a completed task or its end, except for their ids. */
async function multiplied(table: string, rows: number, query: ReleasedDatabase['query']): Promise<string> {
  const listed = await query(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = '${table}'` +
      ` AND is_identity = 'NO'`,
  )
  const names = listed.map(({ name }) => `"${name}"`)
  const values = listed.map(({ name }) => (String(name).includes('_id_') ? 'n' : `"${name}"`))
  const source = `(SELECT * FROM "${table}" AS row WHERE row::text LIKE '%completed%' LIMIT 1) AS source`
  return `INSERT INTO "${table}" (${names}) SELECT ${values} FROM ${source}, generate_series(1000001, ${1_000_000 + rows}) AS n`
}

/** Keeps writing and reading, and reports the longest of each. */
async function watch(url: string, table: string) {
  let over = false
  const longest = { table, write: 0, read: 0 }
  const run = async (what: 'write' | 'read', sql: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    while (!over) {
      const from = performance.now()
      await client.query(sql)
      longest[what] = Math.max(longest[what], performance.now() - from)
      await delay(WRITE_EVERY_MS)
    }
    await client.end()
  }
  const running = [run('write', `DELETE FROM "${table}" WHERE false`), run('read', `SELECT 1 FROM "${table}" LIMIT 1`)]
  return async () => {
    over = true
    await Promise.all(running)
    return longest
  }
}

await main(Number(process.argv[2] ?? 1_000_000))
