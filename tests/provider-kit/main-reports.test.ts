import { ApplicationFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { afterEach, describe, expect, it } from 'vitest'
import { parseRetryAfter } from '@/lib/retry-after.js'
import { createTaskActivities } from '@/provider-kit/main-reports.js'
import { asActivityFailure, ProviderError } from '@/provider-kit/provider/errors.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from './fake-provider.js'

const CALLBACK_URL = 'https://elsewhere.example/api/video/report'
const report = { apiCallId: '7', taskKey: 'k7Qx2', attempt: 2, runId: 'run-1', status: 'begin' as const }
let main: FakeProvider
afterEach(() => main.stop())

const activityEnvironment = () => new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') })

async function begin(...answers: PreparedAnswer[]) {
  main = await startFakeProvider(...answers)
  const activities = createTaskActivities({ mainUrl: main.endpoint.baseUrl, internalToken: 'the-token' })
  return activityEnvironment().run(activities.beginAttempt, CALLBACK_URL, report)
}

describe('a report', () => {
  it('goes to the configured main alone, at the path that the task names, with the token', async () => {
    const openIntents = [{ attempt: 1, at: 5 }]
    const body = { success: true, status: 'queued', providerTask: { id: 'p', attempt: 1 }, openIntents }
    expect(await begin({ body })).toEqual({
      accepted: true,
      begun: { providerTask: { id: 'p', attempt: 1 }, openIntents },
    })
    expect(main.requests).toMatchObject([
      { method: 'POST', url: 'http://provider/api/video/report', authorization: 'Bearer the-token', body: report },
    ])
  })

  it.each([409, 404])('that main refuses with %i is answered as refused', async (status) => {
    const body = { success: false, error: 'Task not found' }
    expect(await begin({ status, body })).toEqual({ accepted: false, reason: 'Task not found' })
  })

  it.each([
    ['cannot read', 400, 'attempt: must be a number'],
    ['finds too large', 413, 'body: is larger than 1 MiB'],
  ])('that main %s is not sent again', async (_why, status, error) => {
    const failure = await begin({ status, body: { success: false, error } }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApplicationFailure)
    expect(failure).toMatchObject({ type: 'report_rejected', nonRetryable: true })
    expect((failure as Error).message).toContain(error)
  })

  it.each<[string, PreparedAnswer]>([
    ['a wrong token', { status: 401, body: { success: false, error: 'Unauthorized' } }],
    ['a storage fault', { status: 503, body: { success: false, error: 'storage' } }],
    ["a proxy's 413", { status: 413, body: '<html>too large</html>' }],
    ["a proxy's 404", { status: 404, body: '<html>not here</html>' }],
    ['a 200 of something else', { status: 200, body: '<html>welcome</html>' }],
    ['a redirect', { status: 307, body: '', headers: { location: 'http://127.0.0.1:9/' } }],
    ['a broken connection', 'reset'],
  ])('is retried after %s', async (_case, answer) => {
    const failure = await begin(answer).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(failure).not.toMatchObject({ nonRetryable: true })
  })

  it('is given up when its activity is cancelled', async () => {
    main = await startFakeProvider('hang')
    const activities = createTaskActivities({ mainUrl: main.endpoint.baseUrl, internalToken: 'the-token' })
    const environment = activityEnvironment()
    const reply = environment.run(activities.beginAttempt, CALLBACK_URL, report)
    const gone = expect(reply).rejects.toThrow()
    await expect.poll(() => main.requests.length).toBe(1)
    environment.cancel()
    await gone
  })
})

it("takes keys out of a provider's words", async () => {
  main = await startFakeProvider()
  const said = 'Incorrect API key provided: the-key. Received sk-proj-abc***xyz, see https://x'
  const cause = new Error('the-key')
  const error = new ProviderError(said, { code: 'auth_error', kind: 'refused', cause })
  const failure = await asActivityFailure({ apiKey: 'the-key' }, Promise.reject(error)).catch((e: unknown) => e)
  expect(failure).toMatchObject({
    message: 'Incorrect API key provided: [key]. Received [key], see https://x',
    type: 'auth_error',
    nonRetryable: true,
    details: [{ kind: 'refused', providerEnded: true }],
  })
  expect(failure).not.toHaveProperty('cause', expect.anything())
})

it.each([
  ['12', 12],
  ['0.5', 0.5],
  ['9999999', 86_400],
  [new Date(Date.now() - 60_000).toUTCString(), 0],
  ['soon', undefined],
  [null, undefined],
])('reads Retry-After: %s', async (header, seconds) => {
  main = await startFakeProvider()
  expect(parseRetryAfter(header)).toBe(seconds)
})
