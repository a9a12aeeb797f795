/** `npm run migrate`: what it tells, what it does, and what it refuses. */
import { Entity, Property } from 'interaqt'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import * as backend from '@/backend/index.js'
import { loadConfig } from '@/config/load.js'
import { type MigrateCommand, runMigrateCommand } from '@/main-component/migrate-command.js'
import { startTestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { contents, onPostgreSQL, type ReleasedDatabase } from './databases.js'
import { type Fixture, readFixtures } from './fixtures.js'

const [fixture] = readFixtures() as [Fixture]

let postgres: TestPostgres
let database: ReleasedDatabase
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await onPostgreSQL(fixture, postgres)
})
afterEach(() => database.remove())

async function run(command: MigrateCommand, allowLoss: string[] = []): Promise<string> {
  const lines: string[] = []
  const config = loadConfig({ mode: 'local', component: 'main', env: database.env })
  const logger = pino({ level: 'silent' })
  await runMigrateCommand(command, { config, allowLoss, logger }, (line) => lines.push(line))
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
  await run('apply')
})
