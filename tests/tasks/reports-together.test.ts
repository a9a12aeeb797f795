/** Reports that come at the same time share a transaction, and are no concern of each other. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { TaskStore } from '@/tasks/task-store.js'
import { columnsOf } from '@/tools/chaos/witnesses/database.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { plantTask, policyWithoutPauses as policy, TEST_TASKS } from '../support/tasks.js'

let main: TestMain
let other: pg.Client
let store: TaskStore
beforeAll(async () => {
  const databaseUrl = await createDatabase()
  main = await startTestMain({ databaseUrl })
  other = new pg.Client({ connectionString: databaseUrl })
  await other.connect()
  store = new TaskStore(main.component.controller, TEST_TASKS, { policy })
})
afterEach(() => vi.restoreAllMocks())
afterAll(async () => {
  await other.end()
  await main.stop()
})

const plant = (count: number) => Promise.all(Array.from({ length: count }, () => plantTask(main.component.controller)))

async function claimed(count: number): Promise<string[]> {
  const ids = await plant(count)
  for (const id of ids) await store.carryOut(id, { from: 'processor', status: 'queued' })
  return ids
}

const begin = (id: string, runId = `run-of-${id}`) =>
  store.carryOut(id, { from: 'run', status: 'begin', attempt: 1, runId })
const release = (id: string, fencingToken: string) =>
  store.carryOut(id, { from: 'processor', status: 'released', attempt: 1, fencingToken })
const runOf = async (id: string) => (await store.find(id))?.state.runId

it('in one transaction, each gets its own answer', async () => {
  const ids = await claimed(3)
  const [refused = ''] = await claimed(1)
  const query = vi.spyOn(pg.Client.prototype, 'query')
  const all = await Promise.all([
    ...ids.map((id) => begin(id)),
    release(refused, 'of-somebody-else'),
    begin('987654321'),
  ])
  const begun = query.mock.calls.filter(([given]) => String(given).startsWith('BEGIN'))
  // The second one is for the task that does not exist.
  expect(begun).toHaveLength(2)
  expect(all.map((done) => done?.answer.ok)).toEqual([true, true, true, false, undefined])
  expect(all.slice(0, 4).map((done) => done?.task.id)).toEqual([...ids, refused])
  expect(await Promise.all(ids.map(runOf))).toEqual(ids.map((id) => `run-of-${id}`))
})

it('two about one task are done one after the other', async () => {
  const [id = ''] = await claimed(1)
  const [first, second] = await Promise.all([begin(id), begin(id)])
  expect([first, second].map((done) => done?.answer.ok)).toEqual([true, true])
  expect((first?.steps.length ?? 0) + (second?.steps.length ?? 0)).toBe(1)
})

it('one that waits for its row keeps no other waiting', async () => {
  const [locked = '', ...ids] = await claimed(3)
  const column = await columnsOf(TEST_TASKS.apiCall, async (sql, params) => (await other.query(sql, params)).rows)
  await other.query('BEGIN')
  await other.query(`SELECT 1 FROM "${TEST_TASKS.apiCall}" WHERE ${column('id', 'integer')} = $1 FOR UPDATE`, [locked])
  const waiting = begin(locked)
  try {
    const others = await Promise.all(ids.map((id) => begin(id)))
    expect(others.map((done) => done?.answer.ok)).toEqual([true, true])
    expect(await runOf(locked)).toBeNull()
  } finally {
    await other.query('COMMIT')
  }
  expect((await waiting)?.answer.ok).toBe(true)
})

it('one that cannot be stored fails alone', async () => {
  const [bad = '', ...good] = await claimed(3)
  const refused = expect(begin(bad, 'PostgreSQL has no \0')).rejects.toThrow()
  await Promise.all([refused, ...good.map((id) => begin(id))])
  expect(await Promise.all([bad, ...good].map(runOf))).toEqual([null, ...good.map((id) => `run-of-${id}`)])
})
