/** A release's database for a test, on either kind, and what it holds. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { createDatabase } from '../support/shared.js'
import type { Fixture } from './fixtures.js'

export type Row = Record<string, unknown>

export interface ReleasedDatabase {
  /** For `startTestMain`. */
  options: { databaseUrl: string } | { dataDir: string }
  /** For a main of its own process. */
  env: Record<string, string>
  /** While no main has it. */
  query(sql: string): Promise<Row[]>
  remove(): Promise<void>
}

/** @param create gives the URL of an empty database; outside of test files the run's server is not there */
export async function onPostgreSQL(fixture: Fixture, create = createDatabase): Promise<ReleasedDatabase> {
  const databaseUrl = await create()
  const query = async (sql: string) => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    try {
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end()
    }
  }
  await query(fixture.sql)
  return { options: { databaseUrl }, env: { DATABASE_URL: databaseUrl }, query, remove: async () => {} }
}

export async function onPGLite(fixture: Fixture): Promise<ReleasedDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'upgrade-'))
  const dataDir = join(folder, 'main')
  const loaded = await PGlite.create({ dataDir, loadDataDir: new Blob([new Uint8Array(fixture.pglite)]) })
  await loaded.close()
  return {
    options: { dataDir },
    env: { MAIN_DATA_DIR: dataDir },
    async query(sql) {
      const pglite = await PGlite.create(dataDir)
      try {
        return (await pglite.query<Row>(sql)).rows
      } finally {
        await pglite.close()
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Every row of every table of the application, by table. */
export async function contents(database: ReleasedDatabase): Promise<Map<string, Row[]>> {
  const listed =
    `SELECT string_agg(format('SELECT %L AS "table", to_json(t) AS row FROM %I AS t', table_name, table_name),` +
    ` ' UNION ALL ') AS sql FROM (SELECT table_name FROM information_schema.tables` +
    ` WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%' ORDER BY table_name) AS tables`
  const [{ sql } = {}] = await database.query(listed.replace('to_json', 'to_jsonb'))
  const rows = await database.query(String(sql))
  const tables = new Map<string, Row[]>()
  for (const { table, row } of rows) tables.set(String(table), [...(tables.get(String(table)) ?? []), row as Row])
  return tables
}
