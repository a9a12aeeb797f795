import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createArkClient } from '@/integrations/fangzhouVideoGeneration/client.js'
import { type FakeProvider, startFakeProvider } from './fake-provider.js'

const video = { prompt: 'A kite' }
let provider: FakeProvider
let signal: AbortSignal
beforeEach(() => {
  signal = AbortSignal.timeout(30_000)
})
afterEach(() => provider.stop())

async function client(...answers: Parameters<typeof startFakeProvider>) {
  provider = await startFakeProvider(...answers)
  return createArkClient(provider.endpoint)
}

const error = (code: string, message = 'no') => ({ error: { code, message, param: '', type: 'BadRequest' } })

describe('create', () => {
  it('sends the request as top-level fields, and the mark as the seed', async () => {
    const ark = await client({ body: { id: 'cgt-1' } })
    const request = { prompt: 'A kite', firstFrameUrl: 'https://a/b.png', ratio: '1:1' as const, duration: 7 }
    expect(await ark.create(request, 77, 60, signal)).toEqual({ id: 'cgt-1' })
    expect(provider.requests).toMatchObject([
      {
        authorization: 'Bearer the-key',
        body: {
          model: 'the-model',
          content: [
            { type: 'text', text: 'A kite' },
            { type: 'image_url', image_url: { url: 'https://a/b.png' }, role: 'first_frame' },
          ],
          seed: 77,
          ratio: '1:1',
          duration: 7,
          execution_expires_after: 3600,
        },
      },
    ])
  })

  it.each([
    [400, 'InputTextSensitiveContentDetected', 'refused'],
    [400, 'MissingParameter', 'refused'],
    [401, 'AuthenticationError', 'refused'],
    [403, 'AccountOverdueError', 'refused'],
    [404, 'InvalidEndpointOrModel.NotFound', 'refused'],
    [429, 'RateLimitExceeded.EndpointRPMExceeded', 'unavailable'],
    [429, 'SomethingNew', 'unavailable'],
    [403, 'QuotaExceeded', 'unavailable'],
    [503, 'ServerOverloaded', 'unavailable'],
    [500, 'InternalServiceError', 'ambiguous'],
    [504, 'InternalServiceError', 'ambiguous'],
  ])('%i %s is %s', async (status, code, kind) => {
    const ark = await client({ status, body: error(code, 'why') })
    await expect(ark.create(video, 1, 60, signal)).rejects.toMatchObject({ code, kind, message: 'why' })
  })

  it('waits as long as the provider asks, or as its quotas take', async () => {
    const ark = await client(
      { status: 429, body: error('RateLimitExceeded'), headers: { 'retry-after': '17' } },
      { status: 429, body: error('QuotaExceeded') },
    )
    await expect(ark.create(video, 1, 60, signal)).rejects.toMatchObject({ retryAfterSeconds: 17 })
    await expect(ark.create(video, 1, 60, signal)).rejects.toMatchObject({ retryAfterSeconds: 300 })
  })

  it('is ambiguous where the answer is lost, late or unreadable', async () => {
    const ark = await client('reset', 'hang', { body: { nothing: true } })
    await expect(ark.create(video, 1, 60, signal)).rejects.toMatchObject({ code: 'NoAnswer', kind: 'ambiguous' })
    const soon = AbortSignal.timeout(50)
    await expect(ark.create(video, 1, 60, soon)).rejects.toMatchObject({ code: 'NoAnswer', kind: 'ambiguous' })
    await expect(ark.create(video, 1, 60, signal)).rejects.toMatchObject({
      code: 'UnreadableAnswer',
      kind: 'ambiguous',
    })
  })

  it('created nothing where nobody listened', async () => {
    const ark = await client()
    await provider.stop()
    await expect(ark.create(video, 1, 60, signal)).rejects.toMatchObject({ code: 'NoAnswer', kind: 'unavailable' })
  })
})

describe('get', () => {
  it('reads the core, whatever else is missing or new', async () => {
    const ark = await client({ body: { id: 'a', status: 'running', error: null, seed: null, brand_new: 1 } })
    expect(await ark.get('a', signal)).toMatchObject({ id: 'a', status: 'running' })
  })

  it('gives null for a task that is not there', async () => {
    const ark = await client({ status: 404, body: error('ResourceNotFound') })
    expect(await ark.get('a', signal)).toBeNull()
  })

  it.each([
    ['a wrong address', 404, '<html>'],
    ['a model that is not there', 404, error('InvalidEndpointOrModel.NotFound')],
    ['a refused key', 401, error('AuthenticationError')],
    ['a fault', 500, error('InternalServiceError')],
  ])('says nothing of the task after %s', async (_case, status, body) => {
    const ark = await client({ status, body })
    await expect(ark.get('a', signal)).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

describe('findBySeed', () => {
  const task = (id: string, seed: number) => ({ id, status: 'running', seed })

  it('reads every page', async () => {
    const ark = await client(
      { body: { total: 3, items: [task('a', 1), task('b', 2)] } },
      { body: { total: 3, items: [task('c', 3)] } },
      { body: { total: 3, items: [] } },
    )
    expect((await ark.findBySeed([3, 1], signal)).map(({ id }) => id)).toEqual(['a', 'c'])
    expect(provider.requests.map(({ url }) => new URL(url).searchParams.get('page_num'))).toEqual(['1', '2', '3'])
    expect(new URL(provider.requests[0]?.url ?? '').searchParams.get('filter.model')).toBe('the-model')
  })

  it('throws where a page cannot be read: that is not "nothing there"', async () => {
    const ark = await client({ body: { items: [task('a', 1)] } }, { status: 403, body: error('AccessDenied') })
    await expect(ark.findBySeed([9], signal)).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

it('cancels, or tells that it is too late', async () => {
  const ark = await client({ body: {} }, { status: 409, body: error('InvalidAction.RunningTaskDeletion') })
  expect(await ark.cancel('a', signal)).toBe(true)
  expect(await ark.cancel('a', signal)).toBe(false)
  expect(provider.requests.map(({ method }) => method)).toEqual(['DELETE', 'DELETE'])
})
