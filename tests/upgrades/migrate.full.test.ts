/** How main brings a database to today's model: by one of many, whole or not at all, and only by adding. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Entity, Property, Relation, Transform } from 'interaqt'
import pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import * as backend from '@/backend/index.js'
import { callEntityNames, createCallEntities, labelled } from '@/tasks/entities.js'
import { spawnMain, startTestMain, type TestMain } from '../support/main.js'
import { onPGLite, onPostgreSQL, type ReleasedDatabase } from './databases.js'
import { storedTasks } from './finish-tasks.js'
import { type Fixture, readFixtures } from './fixtures.js'

const [fixture] = readFixtures() as [Fixture]
const NEW_TABLES = `SELECT table_name FROM information_schema.tables WHERE table_name = 'IdempotencyKey'`

let database: ReleasedDatabase | undefined
const children: ChildProcess[] = []
let main: TestMain | undefined

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await main?.stop()
  main = undefined
  await database?.remove()
  database = undefined
})

it('of two that start at once one migrates, and says what it added; the other attaches', async () => {
  database = await onPostgreSQL(fixture)
  const { env } = database
  const said = await Promise.all([untilModel(spawn(env)), untilModel(spawn(env))])
  expect(said.map(({ model }) => model).sort()).toEqual(['attached', 'migrated'])
  const told = said.flatMap(({ lines }) => lines.filter((line) => line.startsWith('model migrated: ')))
  expect(told).toHaveLength(1)
  expect(told[0]).toContain('entity IdempotencyKey')
  expect(told[0]).toContain('property TestAsyncTaskAPICall.userId')
})

it('killed in the middle, it has changed nothing, and the next start does it all', async () => {
  database = await onPostgreSQL(fixture)
  const blocker = new pg.Client({ connectionString: database.env.DATABASE_URL as string })
  await blocker.connect()
  // A table that is altered: main waits for it with a part of its statements done.
  await blocker.query('BEGIN')
  await blocker.query('LOCK TABLE "TestAsyncTaskAPICall" IN ACCESS SHARE MODE')
  const child = spawn(database.env)
  const waiting = `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'`
  await expect.poll(() => database?.query(waiting)).toHaveLength(1)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await blocker.end()
  await expect.poll(() => database?.query(waiting)).toEqual([])
  expect(await database.query(NEW_TABLES)).toEqual([])

  expect(await untilModel(spawn(database.env))).toMatchObject({ model: 'migrated' })
  expect(await database.query(NEW_TABLES)).toHaveLength(1)
})

it('killed in the middle on PGLite, the next start does it all', async () => {
  database = await onPGLite(fixture)
  const child = spawn({
    ...database.env,
    NODE_OPTIONS: `--import=${new URL('die-while-migrating.mjs', import.meta.url)}`,
  })
  expect((await once(child, 'exit'))[1]).toBe('SIGKILL')
  expect(await database.query(NEW_TABLES)).toEqual([])

  main = await startTestMain(database.options)
  expect((await storedTasks(main)).length).toBeGreaterThan(30)
})

it('with `never` it refuses, says how to go on, and changes nothing', async () => {
  database = await onPostgreSQL(fixture)
  const refused = await startTestMain({ ...database.options, migrate: 'never' }).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'MODEL_CHANGED', retryable: false })
  expect(String(refused)).toContain('npm run migrate -- --plan')
  expect(await database.query(NEW_TABLES)).toEqual([])
})

it('an application that adds an entity and an integration’s entities starts on its database', async () => {
  database = await onPostgreSQL(fixture)
  main = await startTestMain(database.options)
  const before = await storedTasks(main)
  await main.stop()

  const invoice = Entity.create({ name: 'Invoice', properties: [Property.create({ name: 'total', type: 'number' })] })
  const { apiCall, integrationEvent } = createCallEntities(callEntityNames('Added'), 5)
  const source = backend.entities.find(({ name }) => name === 'TestTask') as Entity
  apiCall.computation = Transform.create({
    eventDeps: { created: { recordName: 'TestTask', type: 'create' } },
    callback: labelled('added.v1', ({ record }: { record: { id: unknown } }) => ({
      requestParams: {},
      source: { id: record.id },
    })),
  })
  const relation = Relation.create({
    name: 'AddedSource',
    source: apiCall,
    sourceProperty: 'source',
    target: source,
    targetProperty: 'addedCalls',
    type: 'n:1',
  })
  backend.entities.push(invoice, apiCall, integrationEvent)
  backend.relations.push(relation)
  try {
    main = await startTestMain(database.options)
    const { storage } = main.component.controller.system
    await storage.create('Invoice', { total: 3 })
    expect(await storage.find('AddedAPICall')).toEqual([])
    expect(await storedTasks(main)).toEqual(before)
    expect(await main.post('/api/test/run', {})).toMatchObject({ status: 200 })
    expect(await storage.find('AddedAPICall', undefined, undefined, ['status'])).toMatchObject([{ status: 'pending' }])
  } finally {
    backend.entities.splice(-3)
    backend.relations.splice(-1)
  }
})

it('an application that no longer has an entity with rows does not start, and loses nothing', async () => {
  database = await onPostgreSQL(fixture)
  const extra = Entity.create({ name: 'Receipt', properties: [Property.create({ name: 'total', type: 'number' })] })
  backend.entities.push(extra)
  try {
    main = await startTestMain(database.options)
    await main.component.controller.system.storage.create('Receipt', { total: 3 })
    await main.stop()
  } finally {
    backend.entities.pop()
  }
  main = undefined
  const refused = await startTestMain(database.options).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'MODEL_CHANGED' })
  expect(String(refused)).toContain('entity Receipt')
  expect(await database.query('SELECT * FROM "Receipt"')).toHaveLength(1)
})

interface Line {
  msg: string
}

function spawn(env: Record<string, string>): ChildProcess {
  const child = spawnMain(env)
  children.push(child)
  child.stderr?.resume()
  return child
}

async function* linesOf(child: ChildProcess): AsyncGenerator<Line> {
  if (!child.stdout) return
  for await (const line of createInterface(child.stdout)) yield JSON.parse(line) as Line
}

/** What a main says until it has its model, and how it came by that. */
async function untilModel(child: ChildProcess): Promise<{ model: string | undefined; lines: string[] }> {
  const lines: string[] = []
  for await (const { msg } of linesOf(child)) {
    lines.push(msg)
    const model = /^model (installed|attached|migrated)$/.exec(msg)?.[1]
    if (model) return { model, lines }
  }
  return { model: undefined, lines }
}
