/** Every shape that Ark's answers are known to have, and what is made of those that are not known. */
import { MockActivityEnvironment } from '@temporalio/testing'
import pino from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { createArtifactStore } from '@/artifacts/index.js'
import { loadConfig } from '@/config/load.js'
import { createActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { arkTaskSchema } from '@/integrations/fangzhouVideoGeneration/answers.js'
import { type VideoRequest, videoResultSchema } from '@/integrations/fangzhouVideoGeneration/schemas.js'
import { markOf } from '@/provider-kit/definition/marks.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from '../provider-kit/fake-provider.js'
import { createArkClient, resultOf as resultOfTask } from './ark-client.js'

let provider: FakeProvider | undefined
afterEach(async () => {
  await provider?.stop()
  provider = undefined
})

async function activities(...answers: PreparedAnswer[]) {
  provider = await startFakeProvider(...answers)
  const env = { ARK_API_KEY: 'the-key', ARK_BASE_URL: provider.endpoint.baseUrl, ARK_MODEL: 'the-model' }
  const made = createActivities({
    mainUrl: 'http://main',
    internalToken: 'token',
    artifacts: createArtifactStore({ dir: 'not-used' }, 'http://main'),
    integrations: loadConfig({ mode: 'local', env }).integrations,
    providerPauses: createProviderPauses(),
    logger: pino({ level: 'silent' }),
  })
  const bench = new MockActivityEnvironment()
  return {
    get: () => bench.run(made.poll, 'cgt-1'),
    find: (attempts: number[]) => bench.run(made.lookUp, 'k7Qx2', attempts),
    cancel: () => bench.run(made.cancel, 'cgt-1'),
  }
}

const seedOf = (attempt: number) => markOf({ taskKey: 'k7Qx2', attempt }).seed

describe('a task', () => {
  it('is read by its core alone', async () => {
    provider = await startFakeProvider({ body: { id: 'a', status: 'queued' } })
    const task = await createArkClient(provider.endpoint).get('a', AbortSignal.timeout(30_000))
    expect(task).toEqual({ id: 'a', status: 'queued' })
  })

  it('keeps what is not known, takes null for everything but its core, and other types for nothing', () => {
    const nulls = Object.fromEntries(Object.keys(arkTaskSchema.shape).map((field) => [field, null]))
    expect(arkTaskSchema.parse({ ...nulls, id: 'a', status: 'running' })).toMatchObject({ id: 'a', seed: null })
    const unknown = {
      id: 'a',
      status: 'succeeded',
      tools: [{ type: 'web_search' }],
      content: { video_url: 'https://a', file_url: 'https://b' },
      usage: { completion_tokens: 1, total_tokens: 1, tool_usage: { web_search: 2 } },
      error: { code: 'a', message: 'b', param: 'c' },
    }
    expect(arkTaskSchema.parse(unknown)).toEqual(unknown)
    expect(arkTaskSchema.parse({ id: 'a', status: 'running', duration: '5', usage: 'none', error: 7 })).toEqual({
      id: 'a',
      status: 'running',
    })
  })

  it.each([
    ['queued', null, { status: 'queued', retryable: false }],
    ['running', null, { status: 'running', retryable: false }],
    ['succeeded', null, { status: 'succeeded', retryable: false }],
    ['cancelled', null, { status: 'cancelled', retryable: false, units: {} }],
    ['expired', null, { status: 'expired', retryable: true, units: {} }],
    ['failed', null, { status: 'failed', retryable: true, units: {} }],
    [
      'failed',
      { code: 'OutputVideoSensitiveContentDetected', message: null },
      {
        status: 'failed',
        retryable: false,
        units: {},
        error: { code: 'OutputVideoSensitiveContentDetected', message: 'OutputVideoSensitiveContentDetected' },
      },
    ],
    [
      'failed',
      'in words only',
      { status: 'failed', retryable: true, units: {}, error: { code: 'failed', message: 'in words only' } },
    ],
    [
      'failed',
      { message: 'no code' },
      { status: 'failed', retryable: true, units: {}, error: { code: 'failed', message: 'no code' } },
    ],
  ])('that is %s with %j', async (status, reason, state) => {
    const { get } = await activities(
      { body: { id: 'cgt-1', status, error: reason } },
      { body: { id: 'cgt-1', status, failure_reason: reason } },
    )
    expect(await get()).toEqual(state)
    expect(await get()).toEqual(state)
  })

  it('that is gone', async () => {
    const { get } = await activities({ status: 404, body: { error: { code: 'ResourceNotFound' } } })
    expect(await get()).toEqual({ status: 'gone' })
  })

  it.each([
    ['a status that is not known', { id: 'cgt-1', status: 'paused' }, 'UnknownStatus', 'has the status "paused"'],
    ['no status', { id: 'cgt-1' }, 'UnreadableAnswer', 'status: '],
    ['no JSON', '<html>', 'UnreadableAnswer', '<html>'],
  ])('with %s is asked for again', async (_case, body, type, message) => {
    const { get } = await activities({ body })
    await expect(get()).rejects.toMatchObject({
      type,
      message: expect.stringContaining(message),
      nonRetryable: false,
      details: [{ kind: 'unavailable' }],
    })
  })

  it('that cannot be read keeps its signed address to itself', async () => {
    const { get } = await activities({
      body: { id: 7, status: 'succeeded', content: { video_url: 'https://a/b?sig=s' } },
    })
    await expect(get()).rejects.toMatchObject({ message: expect.not.stringContaining('sig') })
  })
})

describe('a look-up', () => {
  const listed = (id: string, status: string, attempt: number) => ({ id, status, seed: seedOf(attempt) })
  const none = { body: { total: 0, items: [] } }

  it('reads every page of both service tiers, of whatever model', async () => {
    const { find } = await activities({ body: { total: 1, items: [{ id: 'x', status: 'running', seed: 1 }] } }, none, {
      body: { items: [listed('mine', 'running', 2)] },
    })
    expect(await find([1, 2])).toEqual({ id: 'mine', attempt: 2 })
    const queries = provider?.requests.map(({ url }) => Object.fromEntries(new URL(url).searchParams))
    expect(queries).toEqual([
      { page_num: '1', page_size: '500', 'filter.service_tier': 'default' },
      { page_num: '2', page_size: '500', 'filter.service_tier': 'default' },
      { page_num: '1', page_size: '500', 'filter.service_tier': 'flex' },
    ])
  })

  it.each(['queued', 'running', 'succeeded', 'paused'])('prefers what is %s to what has ended', async (status) => {
    const items = [listed('ended', 'failed', 1), listed('mine', status, 2), listed('other', 'expired', 3)]
    const { find } = await activities({ body: { items } })
    expect(await find([1, 2, 3])).toEqual({ id: 'mine', attempt: 2 })
  })

  it('gives what has ended where there is nothing else', async () => {
    const { find } = await activities({ body: { items: [listed('ended', 'failed', 1)] } }, none, none)
    expect(await find([1])).toEqual({ id: 'ended', attempt: 1 })
  })

  it('finds nothing where nothing carries the mark', async () => {
    const { find } = await activities({ body: { items: [listed('not-mine', 'running', 3)] } }, none, none)
    expect(await find([1, 2])).toBeNull()
  })

  it('says nothing where a page cannot be read', async () => {
    const { find } = await activities(none, { status: 500, body: { error: { code: 'InternalServiceError' } } })
    await expect(find([1])).rejects.toMatchObject({ details: [{ kind: 'unavailable' }] })
  })
})

describe('cancelling', () => {
  it.each(['running', 'succeeded', 'failed', 'cancelled', 'expired'])('leaves what is %s alone', async (status) => {
    const { cancel } = await activities({ body: { id: 'cgt-1', status } })
    expect(await cancel()).toBe(false)
    expect(provider?.requests.map(({ method }) => method)).toEqual(['GET'])
  })

  it('takes a queued task back, unless it has begun meanwhile', async () => {
    const queued = { body: { id: 'cgt-1', status: 'queued' } }
    const running = { status: 409, body: { error: { code: 'InvalidAction.RunningTaskDeletion' } } }
    const { cancel } = await activities(queued, { body: '' }, queued, running)
    expect(await cancel()).toBe(true)
    expect(await cancel()).toBe(false)
  })
})

describe('a result', () => {
  const video = { key: 'a.mp4', url: 'http://main/a.mp4', mimeType: 'video/mp4', bytes: 1, sha256: '00' }
  const resultOf = async (task: object, asked?: VideoRequest) => {
    const done = arkTaskSchema.parse({ id: 'a', status: 'succeeded', ...task })
    return videoResultSchema.parse(await resultOfTask(done, asked, video))
  }

  it('tells what was made, and what it is charged by', async () => {
    const task = {
      model: 'm',
      resolution: '480p',
      ratio: '1:1',
      frames: 57,
      framespersecond: 24,
      seed: 0,
      usage: { completion_tokens: 10, total_tokens: 12 },
      service_tier: 'flex',
      duration: null,
    }
    expect(await resultOf(task)).toEqual({
      video,
      providerTaskId: 'a',
      model: 'm',
      resolution: '480p',
      ratio: '1:1',
      frames: 57,
      framesPerSecond: 24,
      seed: 0,
      completionTokens: 10,
      totalTokens: 12,
      serviceTier: 'flex',
      simulated: false,
    })
    expect(await resultOf({})).toEqual({ video, providerTaskId: 'a', model: 'unknown', simulated: false })
  })

  it.each<[string, VideoRequest, object, unknown]>([
    ['the same', { ratio: '1:1', duration: 5 }, { ratio: '1:1', duration: 5 }, undefined],
    ['what the provider does not tell', { ratio: '1:1', resolution: '480p' }, { ratio: null }, undefined],
    ['what was left to the model', { ratio: 'adaptive' }, { ratio: '4:3', duration: 5 }, undefined],
    ['another ratio', { ratio: '1:1' }, { ratio: '16:9' }, [{ field: 'ratio', asked: '1:1', made: '16:9' }]],
    [
      'another resolution and duration',
      { resolution: '1080p', duration: 7 },
      { resolution: '720p', duration: 5 },
      [
        { field: 'resolution', asked: '1080p', made: '720p' },
        { field: 'duration', asked: 7, made: 5 },
      ],
    ],
    ['other frames', { frames: 57 }, { frames: 61 }, [{ field: 'frames', asked: 57, made: 61 }]],
    ['frames that are told as whole seconds', { frames: 57 }, { duration: 2 }, undefined],
    ['frames that were ignored', { frames: 57 }, { duration: 5 }, [{ field: 'duration', asked: 2, made: 5 }]],
  ])('compares with what was asked for: %s', async (_case, asked, task, differences) => {
    expect((await resultOf(task, asked)).differences).toEqual(differences)
  })
})
