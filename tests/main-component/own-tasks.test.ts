/** What users do with their own tasks: wait for news of one, follow it, list them, cancel one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const TOKENS = { anna: 'annas-own-token-0001', ben: 'bens-own-token-00002', cleo: 'cleos-own-token-0003' }
const OPERATOR = 'the-operators-own-token'
const as = (token: string) => ({ authorization: `Bearer ${token}` })
const auth = {
  mode: 'tokens' as const,
  tokens: Object.entries(TOKENS).map(([user, token]) => ({ user, token })),
}

let databaseUrl: string
let mains: [TestMain, TestMain]
let main: TestMain
beforeAll(async () => {
  databaseUrl = await createDatabase()
  const options = { databaseUrl, auth, operatorToken: OPERATOR }
  mains = [await startTestMain(options), await startTestMain(options)]
  main = mains[0]
})
afterAll(() => Promise.all(mains.map((one) => one.stop())))

async function ask(user: keyof typeof TOKENS = 'anna') {
  const { body } = await main.post('/api/test/run', { kind: 'simple' }, as(TOKENS[user]))
  return { taskId: body.taskId as string, apiCallId: await main.rowIdOf(body.taskId) }
}

const claim = (apiCallId: string, by = main) => by.internalPost(REPORT, { apiCallId, status: 'queued' })
const get = (taskId: string, query = '') => main.get(`/api/test/tasks/${taskId}${query}`, as(TOKENS.anna))

describe('GET tasks/:taskId?waitSeconds', () => {
  it.each([
    ['this process', 0],
    ['another one', 1],
  ] as const)('is answered once the task was moved by %s', async (_, index) => {
    const { taskId, apiCallId } = await ask()
    const waiting = get(taskId, '?waitSeconds=25')
    expect(await claim(apiCallId, mains[index])).toMatchObject({ status: 200 })
    const { body } = await waiting
    expect(body).toMatchObject({ taskId, status: 'queued', timeline: [{ type: 'queued', attempt: 1 }] })
  })

  it('never shows a timeline that contradicts the status', async () => {
    const asked = await Promise.all(Array.from({ length: 30 }, () => ask()))
    const looks = asked.flatMap(({ taskId, apiCallId }) => [
      claim(apiCallId, mains[1]).then(() => undefined),
      ...Array.from({ length: 4 }, () => get(taskId).then(({ body }) => body)),
    ])
    const seen = (await Promise.all(looks)).filter((body) => body !== undefined)
    const contradictions = seen.filter(({ status, timeline }) => (status === 'pending') !== (timeline.length === 0))
    expect([seen.length, contradictions]).toEqual([120, []])
  })

  it('is answered at once where there is news, and where there will be none', async () => {
    const still = await ask()
    const { taskId, apiCallId } = await ask()
    await claim(apiCallId)
    // One that has to wait was sent before, and would be answered before.
    const waiting = get(still.taskId, '?waitSeconds=5')
    const first = (query: string) => Promise.race([waiting, get(taskId, query)])
    expect(await first('?waitSeconds=25')).toMatchObject({ body: { taskId, timeline: [{ type: 'queued' }] } })
    await main.post(`/api/test/tasks/${taskId}/cancel`, {}, as(TOKENS.anna))
    const ended = await first('?waitSeconds=25&timelineAfter=2')
    expect(ended).toMatchObject({ body: { taskId, status: 'cancelled', timeline: [] } })
    await claim(still.apiCallId)
    await waiting
  })

  it('is answered as the task is when the time is over', async () => {
    const { taskId } = await ask()
    expect(await get(taskId, '?waitSeconds=0.2')).toMatchObject({ body: { status: 'pending', timeline: [] } })
  })

  it('keeps nobody else from being answered, however many wait', async () => {
    const { taskId, apiCallId } = await ask()
    const waiting = Array.from({ length: 40 }, () => get(taskId, '?waitSeconds=25'))
    const others = await Promise.all(Array.from({ length: 10 }, () => get(taskId)))
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
    await claim(apiCallId)
    const answers = await Promise.all(waiting)
    expect(new Set(answers.map(({ body }) => body.status))).toEqual(new Set(['queued']))
  })
})

describe('GET tasks/:taskId/events', () => {
  async function follow(taskId: string, { user = 'anna' as keyof typeof TOKENS, headers = {} } = {}) {
    const init = { headers: { ...as(TOKENS[user]), ...headers }, signal: AbortSignal.timeout(20_000) }
    return fetch(`${main.url}/api/test/tasks/${taskId}/events`, init)
  }

  const eventsOf = (text: string) =>
    text
      .split('\n\n')
      .filter((block) => block.includes('event: '))
      .map((block) => Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2))))

  it('tells each move as it comes, and at last the task with its result', async () => {
    const { taskId, apiCallId } = await ask()
    const response = await follow(taskId)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const { body } = await claim(apiCallId)
    const run = { apiCallId, attempt: 1, runId: 'run-1' }
    await main.internalPost(REPORT, { ...run, status: 'begin', createIntent: false })
    const result = { success: true, steps: ['one'] }
    expect(await main.internalPost(REPORT, { ...run, status: 'completed', result })).toMatchObject({ status: 200 })
    expect(body.attempt).toBe(1)

    const told = eventsOf(await response.text())
    expect(told.map(({ event, id }) => [event, id])).toEqual([
      ['queued', '1'],
      ['begun', '2'],
      ['processing', '3'],
      ['completed', '4'],
      ['ended', '4'],
    ])
    expect(JSON.parse(told[0]?.data ?? '')).toMatchObject({ type: 'queued', attempt: 1 })
    expect(JSON.parse(told.at(-1)?.data ?? '')).toMatchObject({ taskId, status: 'completed', result })

    const again = eventsOf(await (await follow(taskId, { headers: { 'last-event-id': '3' } })).text())
    expect(again.map(({ event }) => event)).toEqual(['completed', 'ended'])
  })

  it('is for the task’s own user', async () => {
    const { taskId } = await ask()
    expect((await follow(taskId, { user: 'ben' })).status).toBe(404)
  })

  it('ends when main stops', async () => {
    const { taskId } = await ask()
    const stopping = await startTestMain({ databaseUrl, auth })
    const response = await fetch(`${stopping.url}/api/test/tasks/${taskId}/events`, { headers: as(TOKENS.anna) })
    const text = response.text()
    await stopping.stop()
    expect(eventsOf(await text)).toEqual([])
  })
})

describe('GET tasks', () => {
  const list = (user: keyof typeof TOKENS, query = '') => main.get(`/api/test/tasks${query}`, as(TOKENS[user]))

  it('lists one’s own, the newest first, a page at a time', async () => {
    const { controller } = main.component
    const plant = async (createdAt: number, userId = 'ben') =>
      taskKeyOf(controller, await plantTask(controller, { createdAt, userId }))
    const [first, second, third] = [await plant(1000.5), await plant(2000), await plant(2000)]
    await plant(3000, 'anna')
    const newest = [second, third].sort().reverse()

    const seen: unknown[] = []
    for (let after = ''; seen.length < 3; ) {
      const { body } = await list('ben', `?limit=1${after}`)
      seen.push(...body.tasks)
      after = `&after=${body.next}`
    }
    expect(seen).toMatchObject([...newest, first].map((taskId) => ({ taskId, status: 'pending' })))
    const all = await list('ben')
    expect(all.body).toMatchObject({ tasks: [{}, {}, { taskId: first, createdAt: 1000.5 }], next: null })
  })

  it('by status, where one is given', async () => {
    const { controller } = main.component
    const userId = 'cleo'
    const id = await plantTask(controller, {
      userId,
      createdAt: 500,
      events: [events.queued(1, Date.now() / 1000 + 300)],
    })
    const { body } = await list('cleo', '?status=queued')
    expect(body).toMatchObject({ tasks: [{ taskId: await taskKeyOf(controller, id), status: 'queued' }], next: null })
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['status=lost', 'status'],
    ['after=nowhere', 'after'],
  ])('refuses %s, and names the field', async (query, field) => {
    expect(await list('anna', `?${query}`)).toMatchObject({ status: 400, body: { fields: [{ field }] } })
  })

  it('has nothing for an operator, who is no user', async () => {
    expect(await main.get('/api/test/tasks', as(OPERATOR))).toMatchObject({ status: 403 })
  })
})

describe('POST tasks/:taskId/cancel', () => {
  const cancel = (taskId: string, user: keyof typeof TOKENS) =>
    main.post(`/api/test/tasks/${taskId}/cancel`, {}, as(TOKENS[user]))

  it('cancels one’s own, once, and says by whom', async () => {
    const { taskId, apiCallId } = await ask()
    expect(await cancel(taskId, 'ben')).toMatchObject({ status: 404 })
    expect(await cancel(taskId, 'anna')).toEqual({ status: 200, body: { success: true, status: 'cancelled' } })
    expect(await cancel(taskId, 'anna')).toMatchObject({ status: 409 })
    expect(await claim(apiCallId)).toMatchObject({ status: 409 })
  })
})
