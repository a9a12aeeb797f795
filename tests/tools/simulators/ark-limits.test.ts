/** Whom Ark lets in, and how much of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createArkSimulator } from '@/tools/simulators/index.js'
import { ask } from './support.js'

const valid = { model: 'm', content: [{ type: 'text', text: 'A snail' }] }

describe('keys and models', () => {
  const strict = createArkSimulator({ latencyMs: 0, apiKey: 'right', models: ['known'], closedModels: ['closed'] })
  let url: string
  beforeAll(async () => {
    url = `${(await strict.start()).url}/contents/generations/tasks`
  })
  afterAll(() => strict.stop())

  it.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer wrong' }],
    ['a key of another kind', { authorization: 'Basic right' }],
  ])('%s is refused, wherever', async (_case, headers: Record<string, string>) => {
    for (const [method, path] of [
      ['POST', ''],
      ['GET', ''],
      ['GET', '/x'],
      ['DELETE', '/x'],
    ]) {
      expect(await ask(String(method), url + path, method === 'POST' ? valid : undefined, headers)).toMatchObject({
        status: 401,
        body: { error: { code: 'AuthenticationError', type: 'Unauthorized' } },
      })
    }
  })

  it.each([
    ['unknown', 'InvalidEndpointOrModel.NotFound'],
    ['closed', 'ModelNotOpen'],
  ])('a model that is %s is not found', async (model, code) => {
    const answer = await ask('POST', url, { ...valid, model }, { authorization: 'Bearer right' })
    expect(answer).toMatchObject({ status: 404, body: { error: { code, type: 'NotFound', param: 'model' } } })
  })

  it('the right ones are accepted', async () => {
    const answer = await ask('POST', url, { ...valid, model: 'known' }, { authorization: 'Bearer right' })
    expect(answer.status).toBe(200)
  })
})

describe('limits', () => {
  let clock = 0
  const limited = createArkSimulator({ latencyMs: 1000, now: () => clock, maxRunning: 2, requestsPerMinute: 4 })
  let url: string
  beforeAll(async () => {
    url = `${(await limited.start()).url}/contents/generations/tasks`
  })
  afterAll(() => limited.stop())
  const create = async (model: string) => {
    const { status, body } = await ask('POST', url, { ...valid, model })
    return status === 200 ? 'accepted' : `${status} ${body.error.code}`
  }

  it('of tasks under way, and of creates a minute, are each model’s own', async () => {
    const full = '429 InflightBatchsizeExceeded'
    expect([await create('a'), await create('a'), await create('a')]).toEqual(['accepted', 'accepted', full])
    expect(await create('b')).toBe('accepted')
    clock += 1000
    expect([await create('a'), await create('a'), await create('a')]).toEqual([
      'accepted',
      'accepted',
      '429 RateLimitExceeded.EndpointRPMExceeded',
    ])
    clock += 60_000
    expect(await create('a')).toBe('accepted')
  })
})
