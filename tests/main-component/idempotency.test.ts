/**
 * A creating request with an `Idempotency-Key`, sent twice: one task, and the first answer again. One file, as they run
 * on both databases.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { databaseOf, inTransaction, physicalEntity } from '@/tasks/database/sql.js'
import type { KeyedRequest } from '@/tasks/idempotency.js'
import { TaskStore } from '@/tasks/task-store.js'
import { eventually } from '../support/eventually.js'
import { type HttpMain, startMainProcess, startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { policyWithoutPauses as policy, TEST_TASKS } from '../support/tasks.js'
import { TcpProxy } from '../support/tcp-proxy.js'

interface KeyedAnswer {
  status: number
  retryAfter: string | null
  body: { taskId?: string; error?: string; fields?: Array<{ field: string }> }
}

async function ask({ url }: HttpMain, key: string, request: object, path = '/api/test/run'): Promise<KeyedAnswer> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(request) })
  const body = (await response.json()) as KeyedAnswer['body']
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body }
}

/** As a caller does it: after a 409 again, once its time is over. */
async function askUntilAnswered(main: HttpMain, key: string, request: object): Promise<KeyedAnswer[]> {
  const answers: KeyedAnswer[] = []
  for (;;) {
    const answer = await ask(main, key, request)
    answers.push(answer)
    if (answer.status !== 409) return answers
    await sleep(1000 * Number(answer.retryAfter))
  }
}

async function rows({ component: { controller } }: TestMain, entity: string): Promise<number> {
  const sql = `SELECT count(*)::int AS n FROM ${physicalEntity(controller, entity).table}`
  const [row] = await databaseOf(controller).query<{ n: number }>(sql, [])
  return row?.n ?? -1
}

const underWay = { status: 409, retryAfter: '1', body: { reason: 'idempotency_key_in_use' } }

describe.each(['PostgreSQL', 'PGLite'])('on %s', (kind) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(kind === 'PGLite' ? {} : { databaseUrl: await createDatabase() })
  })
  afterAll(() => main.stop())

  it.each([
    ['/api/video/generate', { prompt: 'a cat', ratio: '16:9' }, { ratio: '16:9', prompt: 'a cat' }],
    ['/api/image/generate', { prompt: 'a cat' }, { prompt: 'a cat' }],
    ['/api/test/run', { message: 'hello' }, { message: 'hello' }],
  ])('%s answers again what it answered first, and makes one task', async (path, request, again) => {
    const entity = { '/api/video/generate': 'FangzhouVideo', '/api/image/generate': 'Nanobanana2' }[path]
    const tasks = entity ? `${entity}APICall` : TEST_TASKS.apiCall
    const before = await rows(main, tasks)
    const first = await ask(main, 'one-key', request, path)
    expect(first).toMatchObject({ status: 200, body: { taskId: expect.any(String) } })
    expect(await ask(main, '"one-key"', again, path)).toEqual(first)
    expect(await rows(main, tasks)).toBe(before + 1)
  })

  it('another body with the same key is refused, and makes nothing', async () => {
    const first = await ask(main, 'key-of-another', { message: 'first' })
    const before = await rows(main, TEST_TASKS.apiCall)
    for (const request of [{ message: 'second' }, { message: 'first', dueAt: 2_000_000_000 }]) {
      const answer = await ask(main, 'key-of-another', request)
      expect(answer).toMatchObject({ status: 422, body: { reason: 'idempotency_key_reused' } })
    }
    expect(await rows(main, TEST_TASKS.apiCall)).toBe(before)
    expect(await ask(main, 'key-of-another', { message: 'first' })).toEqual(first)
  })

  it('another key, and no key, make another task', async () => {
    const { body: one } = await ask(main, 'a', { message: 'same' })
    const { body: two } = await ask(main, 'b', { message: 'same' })
    const { body: three } = await main.post('/api/test/run', { message: 'same' })
    const { body: four } = await main.post('/api/test/run', { message: 'same' })
    expect(new Set([one.taskId, two.taskId, three.taskId, four.taskId]).size).toBe(4)
  })

  it.each([
    ['nothing', ''],
    ['an empty string', '""'],
    ['256 characters', `"${'x'.repeat(256)}"`],
    ['a character that is not ASCII', '"caf\u00e9"'],
    ['a quote that is not closed', '"abc'],
    ['two keys', '"abc", "def"'],
    ['two bare keys', 'abc, def'],
  ])('a header with %s is refused, and named', async (_what, key) => {
    const before = await rows(main, TEST_TASKS.apiCall)
    expect(await ask(main, key, {})).toMatchObject({ status: 400, body: { fields: [{ field: 'Idempotency-Key' }] } })
    expect(await rows(main, TEST_TASKS.apiCall)).toBe(before)
  })

  it('the longest key is taken, and a quoted one with its escapes', async () => {
    for (const key of ['x'.repeat(255), String.raw`"a \"b\" \\, c"`]) {
      const first = await ask(main, key, {})
      expect(first.status).toBe(200)
      expect(await ask(main, key, {})).toEqual(first)
    }
  })

  it('users do not meet each other, nor APIs', async () => {
    const request = { key: 'shared', api: 'test/run', userId: 'anna', params: { message: 'x' } }
    const requests: KeyedRequest[] = [
      request,
      { ...request, userId: 'ben', params: { message: 'y' } },
      { ...request, userId: null },
      { ...request, api: 'test/other' },
    ]
    const ids: string[] = []
    for (const each of requests) ids.push(await createOnce(main, each))
    expect(new Set(ids).size).toBe(requests.length)
    expect(await createOnce(main, request)).toBe(ids[0])
  })

  it('while the first is under way it is said to be, and to be asked for again', async () => {
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let begin = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const creating = whenCreated(main, 'TestTask', () => {
      begin()
      return held
    })
    const first = ask(main, 'slow', { message: 'slow' })
    try {
      await begun
      expect(await ask(main, 'slow', { message: 'slow' })).toMatchObject(underWay)
    } finally {
      goOn()
      creating.mockRestore()
    }
    const answer = await first
    expect(answer).toMatchObject({ status: 200 })
    expect(await ask(main, 'slow', { message: 'slow' })).toEqual(answer)
  })

  it('a creation that fails leaves nothing, and its key may be used again', async () => {
    const { controller } = main.component
    const database = databaseOf(controller)
    const { table } = physicalEntity(controller, TEST_TASKS.apiCall)
    const before = await rows(main, 'IdempotencyKey')
    const refused = await ask(main, 'fails', { message: 7 })
    expect(refused.status).toBe(400)

    await database.scheme(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '55P03'; END $$`,
    )
    await database.scheme(`CREATE TRIGGER refuse BEFORE INSERT ON ${table} EXECUTE FUNCTION refuse()`)
    expect(await ask(main, 'fails', { message: 'works' })).toMatchObject({ status: 503 })
    await database.scheme(`DROP TRIGGER refuse ON ${table}`)
    expect(await rows(main, 'IdempotencyKey')).toBe(before)
    expect(await ask(main, 'fails', { message: 'works' })).toMatchObject({ status: 200 })
    expect(await rows(main, 'IdempotencyKey')).toBe(before + 1)
  })

  it('of 100 at once one makes the task; the others are told to wait, and get its answer', async () => {
    const before = await rows(main, TEST_TASKS.apiCall)
    await expectOneTask(await Promise.all(Array.from({ length: 100 }, () => askUntilAnswered(main, 'crowd', {}))))
    expect(await rows(main, TEST_TASKS.apiCall)).toBe(before + 1)
  })
})

it('of 100 at once over two main processes one makes the task, and all get its answer', async () => {
  const databaseUrl = await createDatabase()
  const mains = await Promise.all([1, 2].map(() => startMainProcess({ DATABASE_URL: databaseUrl })))
  try {
    const asked = Array.from({ length: 100 }, (_, n) => askUntilAnswered(mains[n % 2] as HttpMain, 'crowd', {}))
    await expectOneTask(await Promise.all(asked))
    for (const main of mains) {
      const { body } = await main.internalGet('/api/testAsyncTask/fetchPendingTasks?limit=100')
      expect(body.tasks).toHaveLength(1)
    }
  } finally {
    await Promise.all(mains.map((main) => main.stop()))
  }
})

async function expectOneTask(asked: KeyedAnswer[][]): Promise<void> {
  const [first] = asked.map((answers) => answers.at(-1))
  expect(first).toMatchObject({ status: 200, retryAfter: null, body: { taskId: expect.any(String) } })
  for (const answers of asked) {
    expect(answers.at(-1)).toEqual(first)
    for (const answer of answers.slice(0, -1)) expect(answer).toMatchObject(underWay)
  }
}

describe('over two mains on one PostgreSQL', () => {
  let mains: [TestMain, TestMain]
  let proxy: TcpProxy
  beforeAll(async () => {
    const databaseUrl = await createDatabase()
    const { host, pathname, username, password } = new URL(databaseUrl)
    proxy = await TcpProxy.to(host)
    mains = [
      await startTestMain({ databaseUrl: `postgresql://${username}:${password}@${proxy.address}${pathname}` }),
      await startTestMain({ databaseUrl }),
    ]
  })
  afterAll(async () => {
    await Promise.all(mains.map((main) => main.stop()))
    await proxy.close()
  })

  it('what one has under way the other says to be', async () => {
    const [one, other] = mains
    const release = await holdCreation(other)
    const first = ask(one, 'elsewhere', { message: 'slow' })
    try {
      await eventually(async () => expect(await waitingForLock(other)).toBe(1))
      expect(await ask(other, 'elsewhere', { message: 'slow' })).toMatchObject(underWay)
    } finally {
      await release()
    }
    const answer = await first
    expect(answer).toMatchObject({ status: 200 })
    expect(await ask(other, 'elsewhere', { message: 'slow' })).toEqual(answer)
  })

  it('were that ever missed, the index would let one through, and the other would be told to ask again', async () => {
    const [one, other] = mains
    const before = await rows(other, TEST_TASKS.apiCall)
    const blind = mains.map(lockForAll)
    try {
      const release = await holdCreation(other)
      const both = [ask(one, 'index', {}), ask(other, 'index', {})]
      try {
        await eventually(async () => expect(await waitingForLock(other)).toBe(2))
      } finally {
        await release()
      }
      const answers = (await Promise.all(both)).sort((a, b) => a.status - b.status)
      for (const spy of blind) spy.mockRestore()
      expect(answers).toMatchObject([{ status: 200 }, underWay])
      for (const main of mains) expect(await ask(main, 'index', {})).toEqual(answers[0])
    } finally {
      for (const spy of blind) spy.mockRestore()
    }
    expect(await rows(other, TEST_TASKS.apiCall)).toBe(before + 1)
  })

  it('a creation whose commit was not heard of is safely asked for again', async () => {
    const [one, other] = mains
    const before = await rows(other, TEST_TASKS.apiCall)
    const asked = { key: 'unheard', api: 'test/run', userId: null, params: { message: 'x' } }
    const committing = whenCreated(one, 'TestTask', async () => proxy.deafen())
    const created = createOnce(one, asked).finally(() => committing.mockRestore())
    const unheard = expect(created).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' })
    await eventually(async () => expect(await rows(other, TEST_TASKS.apiCall)).toBe(before + 1))
    proxy.mend()
    await unheard
    const taskId = await createOnce(one, asked)
    expect(await createOnce(other, asked)).toBe(taskId)
    expect(await rows(other, TEST_TASKS.apiCall)).toBe(before + 1)
  })
})

function createOnce({ component: { controller } }: TestMain, { userId, ...keyed }: KeyedRequest): Promise<string> {
  const source = { entity: 'TestTask', record: { options: { kind: 'simple' } }, userId }
  return new TaskStore(controller, TEST_TASKS, { policy }).create(source, keyed)
}

/** Has something done after each creation of an entity, in its transaction. */
function whenCreated({ component: { controller } }: TestMain, entity: string, then: () => Promise<void>) {
  const { storage } = controller.system
  const create = storage.create.bind(storage)
  return vi.spyOn(storage, 'create').mockImplementation(async (name, ...rest) => {
    const created = await create(name, ...rest)
    if (name === entity) await then()
    return created
  })
}

/** Lets no task be created until it is released; what waits for it has come as far as the task's row. */
async function holdCreation({ component: { controller } }: TestMain): Promise<() => Promise<void>> {
  let letGo = () => {}
  const until = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const { table } = physicalEntity(controller, TEST_TASKS.apiCall)
  let held: Promise<void> = Promise.resolve()
  await new Promise<void>((resolve, reject) => {
    held = inTransaction(controller, 'hold', async () => {
      await databaseOf(controller).query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`, [])
      resolve()
      await until
    })
    held.catch(reject)
  })
  return async () => {
    letGo()
    await held
  }
}

async function waitingForLock({ component: { controller } }: TestMain): Promise<number> {
  const sql = `SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`
  const [row] = await databaseOf(controller).query<{ n: number }>(sql, [])
  return row?.n ?? -1
}

/** Lets the driver of a main say that it has each advisory lock, and that nothing is known of its key. */
function lockForAll({ component: { controller } }: TestMain) {
  const database = databaseOf(controller)
  const query = database.query.bind(database)
  return vi
    .spyOn(database, 'query')
    .mockImplementation(((sql: string, values: unknown[]) =>
      sql.includes('pg_try_advisory_xact_lock') ? Promise.resolve([{ locked: true }]) : query(sql, values)) as never)
}
