/** What a task costs the database: the statements of its creation, its claim and each report, and the waits for answers. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { eventually } from '../support/eventually.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_API } from '../support/tasks.js'

interface Sent {
  client: unknown
  text: string
  /** With others, whose answers it does not wait for. */
  along: boolean
}

let main: TestMain
let sent: Sent[] = []
const send = pg.Client.prototype.query
const unanswered = new Map<unknown, number>()
const query = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
  const [given] = args as [string | { text: string }]
  const before = unanswered.get(this) ?? 0
  sent.push({ client: this, text: typeof given === 'string' ? given : given.text, along: before > 0 })
  const answer = Reflect.apply(send, this, args)
  if (answer instanceof Promise) {
    unanswered.set(this, before + 1)
    const answered = () => unanswered.set(this, (unanswered.get(this) ?? 0) - 1)
    answer.then(answered, answered)
  }
  return answer
} as typeof send)
beforeAll(async () => {
  main = await startTestMain({ databaseUrl: await createDatabase() })
})
afterAll(async () => {
  await main?.stop()
  query.mockRestore()
})

/**
 * The first words of each statement, with a + if it goes along with the one before, and what it answered. Main's own
 * looks, for webhooks and at who asks, are left out.
 */
async function statementsOf<T>(work: () => Promise<T>): Promise<{ statements: string[]; answer: T }> {
  sent = []
  const answer = await work()
  const byClient = new Map<unknown, string[]>()
  for (const { client, text, along } of sent) {
    // Other mains are told some time after the commit, of many tasks at once.
    if (text.includes('pg_notify') || text.includes('TaskDaemon')) continue
    const [word] = text.trim().split(/\s/)
    byClient.set(client, [...(byClient.get(client) ?? []), `${along ? '+' : ''}${word}`])
  }
  // Nor is the look for webhooks that are due, which may have begun before, or may not be over.
  const transactions = [...byClient.values()].flatMap((of) => of.join(' ').match(/BEGIN .*?COMMIT/g) ?? [])
  const [own = '', ...others] = transactions.filter((words) => !/^BEGIN( \+?UPDATE)? \+?COMMIT$/.test(words))
  expect(others).toEqual([])
  return { statements: own.split(' '), answer }
}

it('counts: to create a task five, by key seven, for who waits eight; to claim some seven; and four for each report', async () => {
  const create = () => main.post('/api/test/run', { kind: 'simple', message: 'counted' })
  // It takes a block of ids.
  await create()
  const created = await statementsOf(create)
  expect(created.answer).toMatchObject({ status: 200 })
  expect(created.statements).toEqual(['BEGIN', '+SELECT', 'INSERT', 'INSERT', 'COMMIT'])

  const headers = { 'idempotency-key': 'counted' }
  const keyed = await statementsOf(() => main.post('/api/test/run', { kind: 'simple', message: 'counted' }, headers))
  expect(keyed.answer).toMatchObject({ status: 200 })
  expect(keyed.statements).toEqual(['BEGIN', '+SELECT', '+SELECT', 'INSERT', 'INSERT', 'INSERT', '+COMMIT'])

  await main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 5 })
  sent = []
  const waiting = main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 5, waitSeconds: 20 })
  // Whoever waits has main look when the next task is due.
  await eventually(() => expect(sent.filter(({ text }) => text.includes('became_due'))).not.toEqual([]))
  const handedOver = await statementsOf(() => Promise.all([create(), waiting]))
  expect(handedOver.answer[1].body.tasks).toHaveLength(1)
  expect(handedOver.statements).toEqual([
    'BEGIN',
    '+SELECT',
    '+SELECT',
    'INSERT',
    'INSERT',
    'SELECT',
    '+WITH',
    '+COMMIT',
  ])
  await create()
  await create()

  const claim = () => main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 2 })
  const claimed = await statementsOf(claim)
  expect(claimed.answer.body.tasks).toHaveLength(2)
  expect(claimed.statements).toEqual(['BEGIN', '+SELECT', '+SELECT', '+SELECT', '+SELECT', 'WITH', '+COMMIT'])

  const [{ id: apiCallId, taskKey }] = claimed.answer.body.tasks
  const run = { apiCallId, taskKey, attempt: 1, runId: 'run-1' }
  const result = { success: true, steps: ['counted'] }
  for (const report of [{ status: 'begin' }, { status: 'processing' }, { status: 'completed', result }]) {
    const reported = await statementsOf(() =>
      main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { ...run, ...report }),
    )
    expect(reported.answer).toMatchObject({ status: 200 })
    expect(reported.statements).toEqual(['BEGIN', '+WITH', 'WITH', '+COMMIT'])
  }
})
