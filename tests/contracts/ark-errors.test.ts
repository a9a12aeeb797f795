/** Every row of Ark's error table: what it means for a create, for a read, and for a task that has ended with it. */
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { markOf } from '@/provider-kit/definition/marks.js'
import { asActivityFailure } from '@/provider-kit/provider/errors.js'
import { type FakeProvider, startFakeProvider } from '../provider-kit/fake-provider.js'
import { createArkClient, taskFailure } from './ark-client.js'

const mark = markOf({ taskKey: 'k', attempt: 1 })
let provider: FakeProvider
afterEach(() => provider.stop())

async function client(...answers: Parameters<typeof startFakeProvider>) {
  provider = await startFakeProvider(...answers)
  const ark = createArkClient(provider.endpoint)
  const signal = AbortSignal.timeout(30_000)
  return {
    create: () => ark.create({ prompt: 'A kite' }, { mark, deadlineSeconds: 60 }, signal),
    get: () => ark.get('cgt-1', signal),
    delete: () => ark.delete('cgt-1', signal),
    list: () => ark.list(signal).next(),
  }
}

const error = (code: string, message = 'why') => ({ error: { code, message, param: '', type: 'BadRequest' } })

const ROWS = [
  [400, 'MissingParameter', 'refused'],
  [400, 'MissingParameter.model', 'refused'],
  [400, 'InvalidParameter', 'refused'],
  [400, 'InvalidParameter.UnsupportedParameter', 'refused'],
  [400, 'InvalidImageURL.InvalidFormat', 'refused'],
  [400, 'SensitiveContentDetected.Violence', 'refused'],
  [400, 'InputTextSensitiveContentDetected', 'refused'],
  [400, 'InputImageSensitiveContentDetected.PrivacyInformation', 'refused'],
  [400, 'InputVideoSensitiveContentDetected.PolicyViolation', 'refused'],
  [400, 'OutputVideoSensitiveContentDetected', 'refused'],
  [400, 'InputTextRiskDetection', 'refused'],
  [400, 'InvalidEndpoint.ClosedEndpoint', 'unavailable'],
  [400, 'ContentSecurityDetectionError', 'unavailable'],
  [400, 'SomethingNew', 'refused'],
  [401, 'AuthenticationError', 'refused'],
  [401, 'InvalidAccountStatus', 'refused'],
  [403, 'AccountOverdueError', 'refused'],
  [403, 'AccessDenied', 'refused'],
  [403, 'OperationDenied.ServiceOverdue', 'refused'],
  [404, 'InvalidEndpointOrModel.NotFound', 'refused'],
  [404, 'InvalidEndpointOrModel.ModelIDAccessDisabled', 'refused'],
  [404, 'ModelNotOpen', 'refused'],
  [404, 'UnsupportedModel', 'refused'],
  [408, 'SomethingNew', 'ambiguous'],
  [429, 'RateLimitExceeded.EndpointRPMExceeded', 'unavailable'],
  [429, 'ModelAccountRpmRateLimitExceeded', 'unavailable'],
  [429, 'AccountRateLimitExceeded', 'unavailable'],
  [429, 'ServerOverloaded', 'unavailable'],
  [503, 'ServerOverloaded', 'unavailable'],
  [429, 'RequestBurstTooFast', 'unavailable'],
  [429, 'InflightBatchsizeExceeded', 'unavailable'],
  [429, 'QuotaExceeded', 'unavailable'],
  [403, 'QuotaExceeded', 'unavailable'],
  [429, 'SetLimitExceeded', 'unavailable'],
  [429, 'SomethingNew', 'unavailable'],
  [500, 'InternalServiceError', 'ambiguous'],
  [502, 'InternalServiceError', 'ambiguous'],
  [503, 'SomethingNew', 'ambiguous'],
  [504, 'InternalServiceError', 'ambiguous'],
] as const

describe.each(ROWS)('%i %s', (status, code, kind) => {
  it(`is ${kind} for a create, in the provider's words`, async () => {
    const { create } = await client({ status, body: error(code) })
    await expect(create()).rejects.toMatchObject({ code, kind, message: 'why', retryable: kind !== 'refused' })
  })

  it('tells a read nothing of the task', async () => {
    const answer = { status, body: error(code) }
    const ark = await client(answer, answer, answer)
    await expect(ark.get()).rejects.toMatchObject({ code, kind: 'unavailable' })
    await expect(ark.list()).rejects.toMatchObject({ code, kind: 'unavailable' })
    await expect(ark.delete()).rejects.toMatchObject({ code, kind: 'unavailable' })
  })
})

describe('a pause', () => {
  it.each([
    ['RateLimitExceeded', '17', 17],
    ['QuotaExceeded', '17', 17],
    ['QuotaExceeded', undefined, 300],
    ['SetLimitExceeded', undefined, 300],
    ['ServerOverloaded', undefined, undefined],
  ])('after %s with Retry-After %s is %s seconds', async (code, retryAfter, seconds) => {
    const headers: Record<string, string> = retryAfter ? { 'retry-after': retryAfter } : {}
    const { create } = await client({ status: 429, body: error(code), headers })
    await expect(create()).rejects.toMatchObject({ retryAfterSeconds: seconds })
  })

  it('asked for by a date is that long', async () => {
    const headers = { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }
    const { get } = await client({ status: 429, body: error('RateLimitExceeded'), headers })
    const told = await get().catch((thrown: { retryAfterSeconds: number }) => thrown.retryAfterSeconds)
    expect(told).toBeGreaterThan(55)
    expect(told).toBeLessThanOrEqual(60)
  })
})

describe('an answer that is not Ark’s', () => {
  it.each([
    [502, '<html>Bad gateway</html>', 'HTTP502', 'ambiguous'],
    [413, 'Too large', 'HTTP413', 'refused'],
    [404, '<html>', 'HTTP404', 'refused'],
    [302, '', 'HTTP302', 'refused'],
    [500, '{"error": "text"}', 'HTTP500', 'ambiguous'],
  ])('%i %s is judged by its status', async (status, body, code, kind) => {
    const { create } = await client({ status, body, headers: { location: 'http://127.0.0.1:1/' } })
    await expect(create()).rejects.toMatchObject({ code, kind, message: expect.stringContaining(`Answered ${status}`) })
  })

  it('is quoted without the key, also where it is cut, and without signatures', async () => {
    const body = `${'.'.repeat(497)}the-key`
    const { create, get } = await client(
      { status: 500, body },
      { status: 500, body: 'https://a/b.mp4?sig=secret is gone' },
    )
    await expect(create()).rejects.toMatchObject({ message: expect.not.stringContaining('the') })
    await expect(get()).rejects.toMatchObject({ message: 'Answered 500: https://a/b.mp4?… is gone' })
  })
})

it('travels to the workflow with its code, without the key', async () => {
  const { create } = await client({ status: 401, body: error('AuthenticationError', 'The key the-key is wrong') })
  const run = new MockActivityEnvironment().run(() => asActivityFailure(provider.endpoint, create()))
  await expect(run).rejects.toMatchObject({
    type: 'AuthenticationError',
    message: 'The key [key] is wrong',
    nonRetryable: true,
    details: [{ kind: 'refused', providerEnded: true }],
  })
})

describe('a task', () => {
  it.each([
    ['is gone', 404, error('ResourceNotFound'), null],
    ['is gone, by another of its names', 404, error('NotFound.id'), null],
  ])('%s', async (_case, status, body, task) => {
    const ark = await client({ status, body }, { status, body })
    expect(await ark.get()).toBe(task)
    expect(await ark.delete()).toBe(false)
  })

  it.each([
    [409, 'InvalidAction.RunningTaskDeletion'],
    [400, 'InvalidAction.CancelledTaskDeletion'],
    [409, 'SomethingNew'],
  ])('that answers %i %s cannot be cancelled any more', async (status, code) => {
    const ark = await client({ status, body: error(code) }, { body: {} })
    expect(await ark.delete()).toBe(false)
    expect(await ark.delete()).toBe(true)
  })

  it.each([
    ['failed', 'OutputVideoSensitiveContentDetected.PolicyViolation', false],
    ['failed', 'OutputAudioSensitiveContentDetected', false],
    ['failed', 'InvalidParameter.TaskTypeConstraint', false],
    ['failed', 'InternalServiceError', true],
    ['failed', 'InternalError', true],
    ['failed', 'ServerOverloaded', true],
    ['failed', 'SomethingNew', false],
    ['failed', undefined, true],
    ['expired', undefined, true],
    ['cancelled', undefined, false],
    ['succeeded', undefined, false],
  ])('%s with %s: another try may fare better: %s', async (status, code, retryable) => {
    const error = code === undefined ? null : { code, message: 'why' }
    expect(taskFailure({ id: 'a', status, error }).retryable).toBe(retryable)
    expect(taskFailure({ id: 'a', status, error }).error).toEqual(code && { code, message: 'why' })
    expect(taskFailure({ id: 'a', status, failure_reason: error }).retryable).toBe(retryable)
  })
})
