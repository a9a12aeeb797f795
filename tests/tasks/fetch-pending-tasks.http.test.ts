import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callEntityNames } from '@/tasks/entities.js'
import { startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { plantTask, TEST_API } from '../support/tasks.js'

const PREVIOUS_TOKEN = 'the-token-before-this-one'
const path = `${TEST_API}/fetchPendingTasks`

let main: TestMain
beforeAll(async () => {
  main = await startTestMain({ previousToken: PREVIOUS_TOKEN })
  for (let createdAt = 1; createdAt <= 101; createdAt++) await plantTask(main.component.controller, { createdAt })
})
afterAll(() => main.stop())

describe('who may ask', () => {
  it.each([
    ['no token', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a wrong one', { authorization: 'Bearer wrong-token-0123456789012' }],
    ['a part of the right one', { authorization: `Bearer ${TEST_TOKEN.slice(0, -1)}` }],
    ['the right one in another scheme', { authorization: `Basic ${TEST_TOKEN}` }],
  ])('not with %s: 401, and nothing is told', async (_what, headers) => {
    const { status, body } = await main.get(path, headers)
    expect(status).toBe(401)
    expect(body).toEqual({ success: false, error: 'The internal token is missing or wrong' })
  })

  it.each([
    ['token', TEST_TOKEN],
    ['previous token, while tokens are rotated', PREVIOUS_TOKEN],
  ])('anyone with the %s', async (_what, token) => {
    expect(await main.get(path, { authorization: `Bearer ${token}` })).toMatchObject({ status: 200 })
  })

  it('learns of a bad limit only with the token', async () => {
    expect(await main.get(`${path}?limit=0`)).toMatchObject({ status: 401 })
  })
})

describe('limit', () => {
  it.each([
    ['', 10],
    ['?limit=1', 1],
    ['?limit=100', 100],
  ])('%s gives %i', async (query, count) => {
    const { status, body } = await main.internalGet(path + query)
    expect(status).toBe(200)
    expect(body.tasks.map((task: { createdAt: number }) => task.createdAt)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    )
  })

  it.each(['0', '101', '-1', '1.5', 'ten', ''])('"%s" is refused, naming the field', async (limit) => {
    const { status, body } = await main.internalGet(`${path}?limit=${limit}`)
    expect(status).toBe(400)
    expect(body).toMatchObject({ success: false, fields: [{ field: 'limit' }] })
  })

  it('is not taken under another name', async () => {
    const { status, body } = await main.internalGet(`${path}?limits=3`)
    expect(status).toBe(400)
    expect(body.error).toBe('limits: is not a known field')
  })
})

describe('waitSeconds', () => {
  const waitingPath = '/api/nanobanana2ImageGeneration/fetchPendingTasks?waitSeconds=20'

  it('parks a request until a task is created', async () => {
    const waiting = main.internalGet(waitingPath)
    const created = await main.post('/api/image/generate', { prompt: 'a fox' })
    const { body } = await waiting
    expect(body.tasks.map((task: { taskKey: string }) => task.taskKey)).toEqual([created.body.taskId])
  })

  it('finds what has become due, and what other processes created', async () => {
    const waiting = main.internalGet('/api/fangzhouVideoGeneration/fetchPendingTasks?waitSeconds=20')
    const id = await plantTask(main.component.controller, {}, callEntityNames('FangzhouVideo'))
    const { body } = await waiting
    expect(body.tasks.map((task: { id: string }) => task.id)).toEqual([id])
  })

  it.each(['-1', '26', 'long'])('"%s" is refused, naming the field', async (waitSeconds) => {
    const { status, body } = await main.internalGet(`${path}?waitSeconds=${waitSeconds}`)
    expect(status).toBe(400)
    expect(body).toMatchObject({ fields: [{ field: 'waitSeconds' }] })
  })

  it('ends when main stops', async () => {
    const other = await startTestMain()
    const waiting = other.internalGet(waitingPath)
    await other.internalGet('/health')
    await other.stop()
    expect(await waiting).toMatchObject({ status: 200, body: { tasks: [] } })
  })
})

it('is asked with POST, as earlier daemons do, and is answered alike', async () => {
  expect(await main.internalPost(path, { limit: 1 })).toEqual(await main.internalGet(`${path}?limit=1`))
  expect(await main.internalPost(path, '')).toEqual(await main.internalGet(path))
  expect(await main.internalPost(path, { limit: 0 })).toMatchObject({
    status: 400,
    body: { fields: [{ field: 'limit' }] },
  })
})
