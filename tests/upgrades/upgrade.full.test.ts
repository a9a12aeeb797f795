/** A database of each earlier release is opened by today's main: nothing is lost, and what was under way ends. */
import { afterEach, describe, expect, it } from 'vitest'
import { startTestMain, type TestMain } from '../support/main.js'
import { contents, onPGLite, onPostgreSQL, type ReleasedDatabase } from './databases.js'
import { finish, type StoredTask, storedTasks } from './finish-tasks.js'
import { APPLICATION_APIS, type Fixture, readFixtures } from './fixtures.js'

const kinds: Array<[string, (fixture: Fixture) => Promise<ReleasedDatabase>]> = [
  ['PGLite', onPGLite],
  ['PostgreSQL', onPostgreSQL],
]
const cases = readFixtures().flatMap((fixture) =>
  kinds.map(([kind, restore]) => ({ version: fixture.version, kind, restore: () => restore(fixture) })),
)

describe.each(cases)('from $version on $kind', ({ restore }) => {
  let database: ReleasedDatabase | undefined
  let main: TestMain | undefined
  const upgraded = async () => {
    database ??= await restore()
    main = await startTestMain(database.options)
    return { database, main }
  }
  const stop = async () => {
    await main?.stop()
    main = undefined
  }
  afterEach(async () => {
    await stop()
    await database?.remove()
    database = undefined
  })

  it('every row stays as it is', async () => {
    database = await restore()
    const before = await contents(database)
    const { main } = await upgraded()
    const tasks = await storedTasks(main)
    await stop()

    const after = await contents(database)
    for (const [table, rows] of before) {
      const kept = rows.map((row) => expect.objectContaining(row))
      expect(after.get(table), table).toHaveLength(rows.length)
      expect(after.get(table), table).toEqual(expect.arrayContaining(kept))
    }
    expect(tasks.map(({ userId }) => userId)).toEqual(tasks.map(() => null))
    const statuses = ['pending', 'queued', 'processing', 'failed', 'completed', 'cancelled']
    expect(new Set(tasks.map(({ state }) => state.status))).toEqual(new Set(statuses))
  })

  it('tasks go on from where they were, and end without an attempt lost', async () => {
    const { main } = await upgraded()
    const before = await storedTasks(main)
    for (const namespace of Object.keys(APPLICATION_APIS)) {
      const { body } = await main.internalGet(`/api/${namespace}/fetchPendingTasks?limit=100`)
      const expected = before.filter((task) => task.namespace === namespace && isClaimable(task))
      expect(body.tasks.map(({ id }: StoredTask) => id)).toEqual(expected.map(({ id }) => id))
    }
    for (const task of before) {
      const answers = await finish(main, task)
      const refused = task.state.status === 'pending' || task.state.status === 'failed' ? !isClaimable(task) : false
      expect(
        answers.map(({ status }) => status),
        name(task),
      ).toEqual(answers.map(() => (refused ? 409 : 200)))
      const [, begun] = answers
      if (begun?.body.openIntents) expect(begun.body, name(task)).toMatchObject(leftAtProvider(task))
    }

    const after = new Map((await storedTasks(main)).map((task) => [key(task), task.state]))
    for (const task of before) {
      const { status, attempts } = task.state
      const ends = status === 'queued' || status === 'processing' || isClaimable(task)
      const expected = ends ? { status: 'completed', attempts: attempts + 1 } : task.state
      expect(after.get(key(task)), name(task)).toEqual(ends ? expect.objectContaining(expected) : expected)
    }
  })

  it('what had ended can be seen, retried and reported again as before', async () => {
    const { main } = await upgraded()
    const tasks = await storedTasks(main)
    for (const { namespace, id, taskKey, state } of tasks) {
      const { path, reportAPI } = application(namespace)
      const seen = await main.get(`${path.replace(/[^/]+$/, 'tasks')}/${taskKey}`)
      expect(seen).toMatchObject({ status: 200, body: { status: state.status, attempts: state.attempts } })

      const report = (body: object) => main.internalPost(`/api/${namespace}/${reportAPI}`, { apiCallId: id, ...body })
      if (state.status === 'completed') {
        const again = { status: 'completed', attempt: state.attempts, runId: state.runId, result: state.result }
        expect(await report(again)).toMatchObject({ status: 200, body: { status: 'completed' } })
      }
      if (state.status === 'failed' && !state.retryable) {
        expect(await report({ status: 'queued' })).toMatchObject({ status: 409 })
        const retry = { apiCallId: id, by: 'operator' }
        expect(await main.internalPost(`/api/${namespace}/retryTask`, retry)).toMatchObject({ status: 200 })
        expect(await report({ status: 'queued' })).toMatchObject({ status: 200, body: { attempt: state.attempts + 1 } })
      }
      if (state.status === 'cancelled' && state.runUnseen) {
        const { body } = await main.internalGet(`/api/${namespace}/runsToCheck?limit=100&uncheckedForSeconds=0`)
        const { attempt, fencingToken } = body.runs.find(({ apiCallId }: { apiCallId: string }) => apiCallId === id)
        expect(await report({ status: 'closed', attempt, fencingToken })).toMatchObject({ status: 200 })
      }
    }
    // The runs of what is cancelled were all seen closed.
    const left = (await storedTasks(main)).filter(({ state }) => state.runUnseen)
    expect(left).toEqual([])
  })

  it('new tasks are made, once where they have an idempotency key', async () => {
    const { main } = await upgraded()
    for (const { path, request } of Object.values(APPLICATION_APIS)) {
      const create = () => main.post(path, request, { 'idempotency-key': '"after the upgrade"' })
      const first = await create()
      expect(first).toMatchObject({ status: 200, body: { taskId: expect.stringMatching(/^[\w-]{22}$/) } })
      expect(await create()).toEqual(first)
    }
  })
})

function application(namespace: string) {
  const found = APPLICATION_APIS[namespace]
  if (!found) throw new Error(`There is no integration ${namespace}`)
  return found
}

function key({ namespace, id }: StoredTask): string {
  return `${namespace} ${id}`
}

function name({ namespace, id, state }: StoredTask): string {
  return `${namespace} ${id}, which was ${state.status}`
}

function isClaimable({ state }: StoredTask): boolean {
  const now = Date.now() / 1000
  if (state.status === 'queued') return (state.leaseExpiresAt ?? 0) < now
  const mayBe = state.status === 'pending' || (state.status === 'failed' && state.retryable)
  return mayBe && state.dueAt < now
}

/** What a run must learn of the attempts before it, that nothing is paid for twice. */
function leftAtProvider({ state }: StoredTask): object {
  return {
    openIntents: expect.arrayContaining(state.openIntents),
    ...(state.providerTask && { providerTask: state.providerTask }),
  }
}
