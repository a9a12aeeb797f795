/** Which daemons ask for tasks, as all mains of a database know it. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DaemonIdentity, readDaemon, spellDaemon } from '@/protocol/daemon-identity.js'
import { listDaemons, noteDaemons } from '@/tasks/daemon-rows.js'
import { databaseOf, inTransaction, physicalEntity } from '@/tasks/database/sql.js'
import { startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

const integration = 'testAsyncTask'
const SOON = { timeout: 10_000, interval: 50 }

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(database === 'PGLite' ? {} : { databaseUrl: await createDatabase() })
  })
  afterAll(() => main?.stop())

  const headers = (daemon?: DaemonIdentity): Record<string, string> => ({
    authorization: `Bearer ${TEST_TOKEN}`,
    ...(daemon && { 'async-task-daemon': spellDaemon(daemon) }),
  })
  const claim = (daemon?: DaemonIdentity, waitSeconds = 0, limit = 1) =>
    main.post(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit, waitSeconds }, headers(daemon))
  const known = async (name: string | null) => {
    const { daemons } = (await main.internalGet('/api/operator/daemons')).body as {
      daemons: Array<{ name: string | null; seenAt: number; askedAt: number | null }>
    }
    return daemons.find((daemon) => daemon.name === name) ?? null
  }
  const named = (name: string, state: DaemonIdentity['state'] = 'running') => ({ name, version: '9.8.7', state })
  const waitingFor = async (createdAt: number) => {
    const { controller } = main.component
    const taskId = await taskKeyOf(controller, await plantTask(controller, { createdAt }))
    const { body } = await main.internalGet(`/api/operator/tasks/${taskId}`)
    await main.internalPost(`${TEST_API}/cancelTask`, { apiCallId: taskId, by: 'the test' })
    return body.waitingFor
  }
  /** As if all daemons had asked so much earlier. */
  const later = async (seconds: number, what = 'askedAt') => {
    const { controller } = main.component
    const { table, column } = physicalEntity(controller, 'TaskDaemon')
    const sql = `UPDATE ${table} SET ${column(what)} = ${column(what)} - ${seconds}`
    await inTransaction(controller, 'later', () => databaseOf(controller).query(sql, []))
  }

  it('a task that nobody has asked for is said to wait for a daemon, but not at once', async () => {
    const now = Date.now() / 1000
    expect(await waitingFor(now - 5)).toBeNull()
    expect(await waitingFor(now - 60)).toMatchObject({
      code: 'no_daemon',
      message: 'No daemon has asked for such tasks: it starts once one does',
      since: null,
    })
    await claim(named('first'))
    await expect.poll(() => known('first'), SOON).not.toBeNull()
    expect(await waitingFor(now - 60)).toBeNull()
    await later(45)
    expect(await waitingFor(now - 60)).toMatchObject({
      message: expect.stringMatching(/asked for such tasks for 4\d s: it/),
      since: expect.any(Number),
    })
    await later(-45)
  })

  it('tells who asked, when, in which version, and whether it waits; and at once that it stops', async () => {
    const before = Date.now() / 1000
    const parked = claim(named('waits'), 5)
    await expect.poll(() => known('waits'), SOON).toMatchObject({ integration, version: '9.8.7', parked: true })
    const { seenAt, askedAt } = (await known('waits')) ?? {}
    for (const time of [seenAt, askedAt]) expect(Math.abs((time ?? 0) - before)).toBeLessThan(10)
    await claim(named('waits', 'draining'), 0, 0)
    await expect.poll(() => known('waits'), SOON).toMatchObject({ state: 'draining', parked: false })
    expect((await known('waits'))?.askedAt).toBeCloseTo(askedAt ?? 0, 0)
    await parked
  })

  it('forgets at once one that says that it is gone', async () => {
    await claim(named('leaves', 'draining'), 0, 0)
    await expect.poll(() => known('leaves'), SOON).toMatchObject({ condition: 'draining' })
    const last = spellDaemon({ ...named('leaves', 'draining'), gone: 'true' })
    await main.get(`${TEST_API}/runsToCheck`, { ...headers(), 'async-task-daemon': last })
    await expect.poll(() => known('leaves'), SOON).toBeNull()
    // What another main heard before, and writes later.
    const { controller } = main.component
    const before = { ...named('leaves'), apiCall: TEST_TASKS.apiCall, seenAgo: 9, askedAgo: 9, parkedFor: null }
    await inTransaction(controller, 'late', () => noteDaemons(controller, [before]))
    expect(await known('leaves')).toBeNull()
  })

  it('tells one that hangs from one that asks, and from one that is there and does not ask', async () => {
    await claim(named('hangs'))
    await expect.poll(() => known('hangs'), SOON).toMatchObject({ condition: 'asking' })
    await later(90)
    await expect.poll(() => known('hangs'), SOON).toMatchObject({ condition: 'not_asking' })
    await later(90, 'seenAt')
    await claim(named('works'))
    await expect.poll(() => known('works'), SOON).toMatchObject({ condition: 'asking' })
    expect(await known('hangs')).toMatchObject({ condition: 'silent' })
    const { integrations } = (await main.internalGet(`/api/operator/stats?integration=${integration}`)).body
    expect(integrations[0].daemons.silent).toBeGreaterThan(0)
    await later(-90)
    await later(-90, 'seenAt')
  })

  it('looking for runs to check is no asking for tasks; and earlier daemons do not say who they are', async () => {
    await main.get(`${TEST_API}/runsToCheck`, headers(named('checks')))
    await expect.poll(() => known('checks'), SOON).toMatchObject({ state: 'running', askedAt: null, parked: false })
    await main.get(`${TEST_API}/fetchPendingTasks`, headers())
    await expect.poll(() => known(null), SOON).toMatchObject({ version: null, askedAt: expect.any(Number) })
  })

  it('is written down seldom, and read by other mains; and counted for stats and metrics', async () => {
    await claim(named('often'))
    await expect.poll(() => known('often'), SOON).not.toBeNull()
    const query = vi.spyOn(databaseOf(main.component.controller), 'query')
    for (let times = 0; times < 20; times += 1) await claim(named('often'))
    const writes = query.mock.calls.filter(([sql]) => /^WITH given .*TaskDaemon/s.test(String(sql)))
    query.mockRestore()
    expect(writes.length).toBeLessThan(2)
    const others = await listDaemons(main.component.controller)
    expect(others).toContainEqual(expect.objectContaining({ name: 'often', apiCall: TEST_TASKS.apiCall }))

    const { integrations } = (await main.internalGet('/api/operator/stats')).body
    const { running, draining, askedSecondsAgo } = integrations.find(
      (stats: { integration: string }) => stats.integration === integration,
    ).daemons
    const runs = others.filter(({ state }) => state === 'running')
    expect({ running, draining }).toEqual({ running: runs.length, draining: 1 })
    expect(askedSecondsAgo).toBeLessThan(30)
    const response = await fetch(`${main.url}/metrics`, { headers: headers() })
    const metrics = await response.text()
    expect(metrics).toContain(`asynctask_daemons{integration="${integration}",state="draining"} 1`)
    expect(metrics).toMatch(new RegExp(`asynctask_daemon_asked_age_seconds{integration="${integration}"} \\d`))
  })

  it('writes those that are due soon with those that are due', async () => {
    const clock = performance.now.bind(performance)
    let passed = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => clock() + passed)
    const query = vi.spyOn(databaseOf(main.component.controller), 'query')
    const writes = () =>
      query.mock.calls.filter(([sql]) => /^WITH given .*TaskDaemon/s.test(String(sql))).map(([, values]) => values[1])
    try {
      await claim(named('early'))
      await expect.poll(writes, SOON).toContainEqual(expect.arrayContaining(['early']))
      await claim(named('early'))
      passed += 6_000
      await claim(named('late'))
      await expect.poll(writes, SOON).toContainEqual(expect.arrayContaining(['early', 'late']))
      // Asked is not stored.
      await expect.poll(() => known('late'), SOON).not.toBeNull()
    } finally {
      query.mockRestore()
      now.mockRestore()
    }
  })

  it('forgets them after an hour', async () => {
    const { controller } = main.component
    const { table, column } = physicalEntity(controller, 'TaskDaemon')
    const sql = `UPDATE ${table} SET ${column('seenAt')} = ${column('seenAt')} - 3700`
    await inTransaction(controller, 'later', () => databaseOf(controller).query(sql, []))
    await claim(named('last'))
    await expect.poll(() => known('last'), SOON).not.toBeNull()
    const left = await inTransaction(controller, 'left', () =>
      databaseOf(controller).query(`SELECT ${column('name')} AS name FROM ${table}`, []),
    )
    expect(left).toEqual([{ name: 'last' }])
  })
})

it.each([
  ['nothing', undefined],
  ['no name', 'version=1&state=running'],
  ['a state that is none', 'name=a&version=1&state=dead'],
  ['what a row cannot hold', 'name=%00&version=1&state=running'],
  ['a name without end', `name=${'x'.repeat(300)}&version=1&state=running`],
])('a header that says %s is read as none', (_what, header) => {
  expect(readDaemon(header)).toBeUndefined()
})
