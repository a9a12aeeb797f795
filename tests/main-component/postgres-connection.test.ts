/** A transaction's statements on one connection: which go together, and what their failures do. */
import type { Socket } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Connection } from '@/main-component/postgres-connection.js'
import { createDatabase } from '../support/shared.js'

const LOCK = 'SELECT pg_advisory_xact_lock($1)'
const WRITE = 'INSERT INTO kept (id) VALUES ($1)'

let connection: pg.Client
beforeAll(async () => {
  connection = new Connection({ connectionString: await createDatabase(), pipeline: true }) as unknown as pg.Client
  await connection.connect()
  await connection.query('CREATE TABLE kept (id int PRIMARY KEY)')
})
afterAll(() => connection?.end())

async function kept(): Promise<number[]> {
  const { rows } = await connection.query('SELECT id FROM kept ORDER BY id')
  return rows.map(({ id }: { id: number }) => id)
}

/** How often something was written to the socket. */
async function packetsOf(work: () => Promise<unknown>): Promise<number> {
  const { stream } = (connection as unknown as { connection: { stream: Socket } }).connection
  const spies = [vi.spyOn(stream, '_write'), vi.spyOn(stream, '_writev' as '_write')]
  await work()
  const packets = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
  for (const spy of spies) spy.mockRestore()
  return packets
}

it('a transaction of four statements takes two packets, if nobody waits for its last write', async () => {
  const packets = await packetsOf(async () => {
    await connection.query('BEGIN')
    await connection.query(LOCK, [1])
    void connection.query(WRITE, [1])
    await connection.query('COMMIT')
  })
  expect(packets).toBe(2)
  expect(await kept()).toContain(1)
})

it('a transaction that asks for nothing sends nothing', async () => {
  const packets = await packetsOf(async () => {
    await connection.query('BEGIN')
    await connection.query('COMMIT')
    await connection.query('BEGIN')
    await connection.query('ROLLBACK')
  })
  expect(packets).toBe(0)
})

it('the COMMIT throws what a write failed with that nobody waited for, at once or after a while', async () => {
  for (const until of [Promise.resolve(), new Promise(setImmediate)]) {
    await connection.query('BEGIN')
    await connection.query(WRITE, [2])
    const failed = connection.query(WRITE, [2]).catch(() => {})
    await until
    await expect(connection.query('COMMIT')).rejects.toMatchObject({ code: '23505' })
    await failed
    expect(await kept()).not.toContain(2)
  }
})

it('so does any other statement that follows it', async () => {
  await connection.query('BEGIN')
  await connection.query(WRITE, [3])
  void connection.query(WRITE, [3]).catch(() => {})
  await expect(connection.query(LOCK, [1])).rejects.toMatchObject({ code: '23505' })
  await connection.query('ROLLBACK')
})

it('what failed in one transaction does not concern the next', async () => {
  await connection.query('BEGIN')
  await connection.query(WRITE, [4])
  await connection.query('COMMIT')
  expect(await kept()).toContain(4)
})

it('without its BEGIN nothing is stored, and whoever asked learns why', async () => {
  for (const first of [WRITE, LOCK]) {
    await connection.query('BEGIN NONSENSE')
    await expect(connection.query(first, [5])).rejects.toMatchObject({ code: '42601' })
    await connection.query('ROLLBACK')
  }
  expect(await kept()).not.toContain(5)
})

it('what follows a write that waits for its BEGIN is sent after it, in order', async () => {
  await connection.query('BEGIN NONSENSE')
  const refused = [connection.query(LOCK, [1]), connection.query(WRITE, [6]), connection.query('SELECT 1')]
  for (const each of refused) await expect(each).rejects.toMatchObject({ code: '42601' })
  await connection.query('ROLLBACK')
  expect(await kept()).not.toContain(6)

  await connection.query('BEGIN')
  void connection.query(LOCK, [1])
  void connection.query(WRITE, [7])
  const found = connection.query('SELECT id FROM kept WHERE id = 7')
  const committed = connection.query('COMMIT')
  expect((await found).rows).toEqual([{ id: 7 }])
  await committed
  expect(await kept()).toContain(7)
})
