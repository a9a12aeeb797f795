/** Simulators are told at run time what to do wrong, and asked what they were asked. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createArkSimulator, createGeminiSimulator, createImageGatewaySimulator } from '@/tools/simulators/index.js'
import { ask } from './support.js'

const video = { model: 'm', content: [{ type: 'text', text: 'A snail' }], duration: 2 }
const generate = { contents: [{ parts: [{ text: 'A snail [refuse]' }] }] }

const simulators = [
  createArkSimulator({ latencyMs: 0 }),
  createImageGatewaySimulator({ latencyMs: 0 }),
  createGeminiSimulator({ latencyMs: 0 }),
]
const [ark, , gemini] = simulators
const bases: string[] = []
const control = (index: number, path: string) => `${new URL(bases[index] ?? '').origin}/__simulator/${path}`
beforeAll(async () => {
  for (const simulator of simulators) bases.push((await simulator.start()).url)
})
afterAll(() => Promise.all(simulators.map((simulator) => simulator.stop())))
beforeEach(() => {
  for (const simulator of simulators) {
    simulator.faults.clear()
    simulator.requests.length = 0
  }
})

describe.each([0, 1, 2])('simulator %i', (index) => {
  it('takes faults with no key, tells them, and clears them', async () => {
    const url = control(index, 'faults')
    const plan = { rateLimited: 3, acceptThenReset: '10%' }
    expect(await ask('POST', url, plan, {})).toMatchObject({ status: 200, body: { faults: plan } })
    expect(await ask('POST', url, { rateLimited: 0, overloaded: 1 }, {})).toMatchObject({ status: 200 })
    const left = { acceptThenReset: '10%', overloaded: 1 }
    expect((await ask('GET', url, undefined, {})).body).toEqual({ faults: left })
    expect(simulators[index]?.faults.plan).toEqual(left)
    expect((await ask('DELETE', url, undefined, {})).body).toEqual({ faults: {} })
    expect(simulators[index]?.faults.plan).toEqual({})
  })

  it.each([
    [{ rateLimit: 1 }, /there is no fault rateLimit/],
    [{ rateLimited: 'often' }, /rateLimited: must be a count/],
    [undefined, /must be an object/],
  ])('refuses %j, and says why', async (plan, message) => {
    expect(await ask('POST', control(index, 'faults'), plan)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(message) },
    })
  })

  it('does not log what it is told and asked in this way', async () => {
    await ask('POST', control(index, 'faults'), { rateLimited: 1 })
    expect((await ask('GET', control(index, 'requests'))).body).toEqual({ requests: [] })
  })
})

it('a fault that only others have is refused', async () => {
  const { status, body } = await ask('POST', control(2, 'faults'), { vanish: 1 })
  expect([status, body.error]).toEqual([400, expect.stringMatching(/this simulator does not have vanish; it has /)])
})

describe('the log', () => {
  it('has each request, how it was answered, and what it created', async () => {
    const tasks = `${bases[0]}/contents/generations/tasks`
    ark?.faults.set({ failBeforeAccept: 1 })
    const from = Date.now()
    await ask('POST', tasks, video)
    const { body } = await ask('POST', tasks, video)
    await ask('GET', `${tasks}?page_size=5&filter.task_ids=a&filter.task_ids=b`)
    await ask('POST', tasks, { ...video, model: undefined })

    const { requests } = (await ask('GET', control(0, 'requests'))).body
    const path = '/api/v3/contents/generations/tasks'
    const at = expect.any(Number)
    expect(requests).toEqual([
      { method: 'POST', path, query: {}, body: video, at, status: 500, faults: ['failBeforeAccept'] },
      { method: 'POST', path, query: {}, body: video, at, status: 200, faults: [], created: body.id },
      { method: 'GET', path, query: { page_size: '5', 'filter.task_ids': ['a', 'b'] }, at, status: 200, faults: [] },
      { method: 'POST', path, query: {}, body: { ...video, model: undefined }, at, status: 400, faults: [] },
    ])
    expect(requests[0].at).toBeGreaterThanOrEqual(from)
    expect(requests).toEqual(JSON.parse(JSON.stringify(ark?.requests)))
    expect((await ask('DELETE', control(0, 'requests'))).body).toEqual({ requests: [] })
    expect(ark?.requests).toEqual([])
  })

  it('has no key, wherever it was', async () => {
    const key = 'a-key-that-nobody-may-see'
    await ask('POST', `${bases[0]}/contents/generations/tasks`, video, { authorization: `Bearer ${key}` })
    await ask('POST', `${bases[2]}/models/m:generateContent`, generate, { 'x-goog-api-key': key })
    await ask('POST', `${bases[2]}/models/m:generateContent?key=${key}&alt=json`, generate, {})
    const logs = JSON.stringify(simulators.map(({ requests }) => requests))
    expect(logs).not.toContain(key)
    expect(gemini?.requests[1]).toMatchObject({ query: { alt: 'json' }, status: 200 })
  })

  it('cuts what is very long', async () => {
    const prompt = 'x'.repeat(200_000)
    await ask('POST', `${bases[2]}/models/m:generateContent`, {
      contents: [{ parts: [{ text: `[refuse]${prompt}` }] }],
    })
    expect(JSON.stringify(gemini?.requests[0]?.body).length).toBeLessThan(101_000)
  })
})
