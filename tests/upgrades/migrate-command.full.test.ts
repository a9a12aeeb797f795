/** `npm run migrate`: what it tells, what it does, and what it refuses. */
import { Entity, Property } from 'interaqt'
import pg from 'pg'
import pino from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { application } from '@/application.js'
import * as backend from '@/backend/index.js'
import { loadConfig } from '@/config/load.js'
import { type MigrateCommand, runMigrateCommand } from '@/main-component/migrate-command.js'
import { callEntityNames, createCallEntities, labelled } from '@/tasks/entities.js'
import { startTestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { contents, onPostgreSQL, type ReleasedDatabase } from './databases.js'
import { type Fixture, readFixtures } from './fixtures.js'

const [fixture] = readFixtures() as [Fixture]

let database: ReleasedDatabase
beforeEach(async () => {
  database = await onPostgreSQL(fixture)
})
afterEach(() => database.remove())

async function run(command: MigrateCommand, allowLoss: string[] = []): Promise<string> {
  const lines: string[] = []
  const config = loadConfig({ mode: 'local', component: 'main', env: database.env })
  const logger = pino({ level: 'silent' })
  await runMigrateCommand(command, { application, config, allowLoss, logger }, (line) => lines.push(line))
  return lines.join('\n')
}

it('tells what would change, in words and SQL, and changes nothing', async () => {
  const before = await contents(database)
  const said = await run('plan')
  expect(said).toContain('entity IdempotencyKey is added')
  expect(said).toContain('property TestAsyncTaskAPICall.state follows other rules for events to come')
  expect(said).toMatch(/ALTER TABLE "TestAsyncTaskAPICall" ADD COLUMN/)
  expect(said).toMatch(/CREATE TABLE IF NOT EXISTS "IdempotencyKey"/)
  expect(await contents(database)).toEqual(before)
})

it('does it for mains that never migrate, and then has nothing to do', async () => {
  expect(await run('apply')).toContain('Done.')
  expect(await run('plan')).toContain('nothing to do')
  const main = await startTestMain({ ...database.options, migrate: 'never' })
  await main.stop()
})

it('removes an entity with its rows only where it is told the name', async () => {
  backend.entities.push(
    Entity.create({ name: 'Receipt', properties: [Property.create({ name: 'total', type: 'number' })] }),
  )
  try {
    const main = await startTestMain(database.options)
    await main.component.controller.system.storage.create('Receipt', { total: 3 })
    await main.stop()
  } finally {
    backend.entities.pop()
  }
  expect(await run('plan')).toContain('entity Receipt is removed with its rows: only with --allow-loss Receipt')
  await expect(run('apply')).rejects.toMatchObject({ code: 'MODEL_CHANGED' })
  await expect(run('apply', ['Invoice'])).rejects.toThrow('--allow-loss Receipt')
  expect(await database.query('SELECT * FROM "Receipt"')).toHaveLength(1)

  expect(await run('apply', ['Receipt'])).toContain('Done.')
  await expect(database.query('SELECT * FROM "Receipt"')).rejects.toThrow('does not exist')
})

it('gives the database back to the release that it was migrated from, and migrates it again', async () => {
  const model = async () =>
    (await database.query(`SELECT value FROM "__interaqt_migration_manifest" WHERE key = 'current'`))[0]
  await expect(run('back')).rejects.toThrow('was not migrated')
  const before = await model()
  await run('apply')
  expect(await model()).not.toEqual(before)
  await run('back')
  expect(await model()).toEqual(before)
  await expect(run('back')).rejects.toThrow('is back already')
  await run('apply')
})

it('asked for twice at once, it is done once', async () => {
  const said = await Promise.all([run('apply'), run('apply')])
  expect(said.filter((lines) => lines.includes('Done.'))).toHaveLength(1)
  expect(said.filter((lines) => lines.includes('nothing to do'))).toHaveLength(1)
})

it('makes what a broken one left to be made', async () => {
  await run('apply')
  await database.query('DROP INDEX "TestAsyncTaskAPICall_by_key"')
  await run('apply')
  expect(await database.query(`SELECT 1 FROM pg_indexes WHERE indexname = 'TestAsyncTaskAPICall_by_key'`)).toHaveLength(
    1,
  )
})

it('names a column that was renamed by hand, and changes nothing', async () => {
  const [{ name } = {}] = await database.query(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'TestAsyncTaskAPICall' AND column_name LIKE 'tes_res_%'`,
  )
  await database.query(`ALTER TABLE "TestAsyncTaskAPICall" RENAME COLUMN "${name}" TO result`)
  const before = await contents(database)
  const refused = `column "${name}" of table "TestAsyncTaskAPICall", which is TestAsyncTaskAPICall.result,`
  await expect(run('apply')).rejects.toThrow(refused)
  expect(await contents(database)).toEqual(before)
  await expect(startTestMain(database.options)).rejects.toThrow(refused)
})

it('asks whether DATABASE_URL is right where it leads to other tables', async () => {
  const databaseUrl = await createDatabase()
  database = { ...database, env: { DATABASE_URL: databaseUrl } }
  expect(await run('apply')).toContain('The database is empty')
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('CREATE TABLE theirs (id int)')
  await client.end()
  expect(await run('apply')).toContain('is DATABASE_URL right?')
  database = { ...database, env: { DATABASE_URL: `${databaseUrl}x` } }
  await expect(run('plan')).rejects.toMatchObject({ code: 'DATABASE_MISSING' })
})

it('a release that the database was migrated from does not take it back by itself', async () => {
  const entities = (label?: string) => {
    const { apiCall, integrationEvent } = createCallEntities(callEntityNames('Added'), 5)
    const state = apiCall.properties.find(({ name }) => name === 'state')
    const { states = [] } = (state?.computation ?? {}) as {
      states?: Array<{ computeValue: (...args: unknown[]) => unknown }>
    }
    expect(states).not.toEqual([])
    for (const node of label ? states : []) {
      const { computeValue } = node
      node.computeValue = labelled(`${computeValue} ${label}`, (...args: unknown[]) => computeValue(...args))
    }
    backend.entities.push(apiCall, integrationEvent)
  }
  const start = async (label?: string) => {
    entities(label)
    try {
      await (await startTestMain(database.options)).stop()
    } finally {
      backend.entities.splice(-2)
    }
  }
  await start()
  await start('of the next release')
  await expect(start()).rejects.toThrow('by a newer release')
  await start('of the next release')
})
