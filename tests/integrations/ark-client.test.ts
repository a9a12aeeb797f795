/**
 * What the client sends, and what it makes of answers that do not come. Its errors are in `tests/contracts`. One file,
 * as they share the server that they ask.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { carries } from '@/integrations/fangzhouVideoGeneration/request.js'
import { markOf } from '@/provider-kit/definition/marks.js'
import { createArkClient, videoRequestSchema } from '../contracts/ark-client.js'
import { type FakeProvider, startFakeProvider } from '../provider-kit/fake-provider.js'

const mark = markOf({ taskKey: 'k7Qx2', attempt: 1 })
let provider: FakeProvider
let signal: AbortSignal
beforeEach(() => {
  signal = AbortSignal.timeout(30_000)
})
afterEach(() => provider.stop())

async function client(...answers: Parameters<typeof startFakeProvider>) {
  return clientOf('doubao-seedance-1-0-pro-250528', ...answers)
}

async function clientOf(model: string, ...answers: Parameters<typeof startFakeProvider>) {
  provider = await startFakeProvider(...answers)
  return createArkClient({ ...provider.endpoint, model })
}

async function bodyOf(request: object, { model = 'doubao-seedance-1-0-pro-250528', deadlineSeconds = 7200 } = {}) {
  const ark = await clientOf(model, { body: { id: 'cgt-1' } })
  await ark.create(videoRequestSchema.parse(request), { mark, deadlineSeconds }, signal)
  return provider.requests[0]?.body
}

describe('create', () => {
  it('sends every field as a field of its own, and nothing that was not asked for', async () => {
    const ark = await client({ body: { id: 'cgt-1', brand_new: true } })
    const request = videoRequestSchema.parse({
      prompt: 'A kite',
      firstFrameUrl: 'https://a.example/first.png',
      lastFrameUrl: 'https://a.example/last.png',
      resolution: '720p',
      ratio: '1:1',
      duration: 7,
      generateAudio: false,
      draft: false,
      cameraFixed: true,
      watermark: false,
      returnLastFrame: true,
      serviceTier: 'flex',
      safetyIdentifier: 'user-1',
    })
    expect(
      await ark.create(request, { mark, deadlineSeconds: 7200, callbackUrl: 'https://main/hint' }, signal),
    ).toMatchObject({ id: 'cgt-1' })
    expect(provider.requests).toMatchObject([{ method: 'POST', authorization: 'Bearer the-key' }])
    expect(provider.requests[0]?.body).toEqual({
      model: 'doubao-seedance-1-0-pro-250528',
      content: [
        { type: 'text', text: 'A kite' },
        { type: 'image_url', image_url: { url: 'https://a.example/first.png' }, role: 'first_frame' },
        { type: 'image_url', image_url: { url: 'https://a.example/last.png' }, role: 'last_frame' },
      ],
      seed: mark.seed,
      safety_identifier: 'user-1',
      callback_url: 'https://main/hint',
      execution_expires_after: 7200,
      resolution: '720p',
      ratio: '1:1',
      duration: 7,
      generate_audio: false,
      draft: false,
      camera_fixed: true,
      watermark: false,
      return_last_frame: true,
      service_tier: 'flex',
    })
    await provider.stop()
    expect(await bodyOf({ prompt: 'A kite' })).toEqual({
      model: 'doubao-seedance-1-0-pro-250528',
      content: [{ type: 'text', text: 'A kite' }],
      seed: mark.seed,
      execution_expires_after: 7200,
    })
  })

  it('sends references with their roles', async () => {
    const request = {
      referenceImageUrls: ['https://a.example/1.png', 'https://a.example/2.png'],
      referenceVideoUrls: ['https://a.example/3.mp4'],
      referenceAudioUrls: ['https://a.example/4.mp3'],
      frames: 57,
      priority: 9,
    }
    expect(await bodyOf(request, { model: 'doubao-seedance-2-0-260128' })).toMatchObject({
      content: [
        { type: 'image_url', image_url: { url: 'https://a.example/1.png' }, role: 'reference_image' },
        { type: 'image_url', image_url: { url: 'https://a.example/2.png' }, role: 'reference_image' },
        { type: 'video_url', video_url: { url: 'https://a.example/3.mp4' }, role: 'reference_video' },
        { type: 'audio_url', audio_url: { url: 'https://a.example/4.mp3' }, role: 'reference_audio' },
      ],
      frames: 57,
      priority: 9,
    })
  })

  it('has the provider give up when nobody waits any more, within its bounds', async () => {
    expect(await bodyOf({ prompt: 'x' }, { deadlineSeconds: 60 })).toMatchObject({ execution_expires_after: 3600 })
    await provider.stop()
    expect(await bodyOf({ prompt: 'x' }, { deadlineSeconds: 1e6 })).toMatchObject({ execution_expires_after: 259_200 })
  })

  it('refuses what the model cannot make before it is sent', async () => {
    const ark = await client()
    await expect(
      ark.create({ prompt: 'x', duration: 13 }, { mark, deadlineSeconds: 60 }, signal),
    ).rejects.toMatchObject({
      code: 'InvalidParameter.duration',
      kind: 'refused',
      message: 'duration: doubao-seedance-1-0-pro-250528 makes at most 12 seconds, not 13',
    })
    expect(provider.requests).toEqual([])
    await provider.stop()
    expect(await bodyOf({ prompt: 'x', duration: 15 }, { model: 'ep-1' })).toMatchObject({ duration: 15 })
  })

  it('is ambiguous where the answer is lost, late or unreadable', async () => {
    const ark = await client('reset', 'hang', { body: { nothing: true } }, { body: '{"id": "cg' }, { body: '' })
    const create = (until = signal) => ark.create({ prompt: 'x' }, { mark, deadlineSeconds: 60 }, until)
    await expect(create()).rejects.toMatchObject({ code: 'NoAnswer', kind: 'ambiguous' })
    const late = new AbortController()
    const hanging = create(late.signal)
    // Only once it has arrived: else the next request would be the one that hangs.
    await expect.poll(() => provider.requests.length).toBe(2)
    late.abort()
    await expect(hanging).rejects.toMatchObject({ code: 'NoAnswer', kind: 'ambiguous' })
    await expect(create()).rejects.toMatchObject({ code: 'UnreadableAnswer', kind: 'ambiguous' })
    await expect(create()).rejects.toMatchObject({ code: 'UnreadableAnswer', kind: 'ambiguous' })
    await expect(create()).rejects.toMatchObject({ message: 'Cannot read the answer: it is empty', kind: 'ambiguous' })
  })

  it('created nothing where nobody listened', async () => {
    const ark = await client()
    await provider.stop()
    const created = ark.create({ prompt: 'x' }, { mark, deadlineSeconds: 60 }, signal)
    await expect(created).rejects.toMatchObject({ code: 'NoAnswer', kind: 'unavailable' })
  })
})

describe('the mark', () => {
  it('is the same for an attempt and differs between attempts, within the narrower of the documented ranges', () => {
    expect(markOf({ taskKey: 'k7Qx2', attempt: 1 })).toEqual(mark)
    expect(markOf({ taskKey: 'k7Qx2', attempt: 2 }).seed).not.toBe(mark.seed)
    for (let attempt = 1; attempt <= 100; attempt++) {
      expect(markOf({ taskKey: 'k7Qx2', attempt }).seed).toBeLessThanOrEqual(2_147_483_647)
    }
  })

  it.each([
    ['a model that keeps seeds', 'doubao-seedance-1-5-pro-251215', { prompt: 'x' }],
    ['one that knows none', 'doubao-seedance-2-0-260128', { prompt: 'x' }],
    [
      'one that knows none, for a user',
      'doubao-seedance-2-5-260628',
      { prompt: 'x', safetyIdentifier: 'u'.repeat(64) },
    ],
    ['a video of a draft', 'doubao-seedance-1-5-pro-251215', { draftTaskId: 'cgt-draft' }],
  ])('is found in what is listed of %s', async (_case, model, request) => {
    const { seed, safety_identifier } = (await bodyOf(request, { model })) as Record<string, never>
    // What is not sent comes back as something else.
    const listed = { seed: seed ?? 4711, safety_identifier }
    expect(carries(listed, mark)).toBe(true)
    expect(carries(listed, markOf({ taskKey: 'k7Qx2', attempt: 2 }))).toBe(false)
    expect(String(safety_identifier ?? '').length).toBeLessThanOrEqual(64)
  })

  it('is no seed where the provider would not take one', async () => {
    expect(await bodyOf({ prompt: 'x' }, { model: 'doubao-seedance-2-0-260128' })).not.toHaveProperty('seed')
    await provider.stop()
    expect(await bodyOf({ draftTaskId: 'cgt-draft' })).toMatchObject({
      content: [{ type: 'draft_task', draft_task: { id: 'cgt-draft' } }],
      safety_identifier: mark.mark,
    })
    expect(provider.requests[0]?.body).not.toHaveProperty('seed')
  })

  it('is both where the name does not tell whether seeds are kept', async () => {
    expect(await bodyOf({ prompt: 'x', safetyIdentifier: 'user-1' }, { model: 'ep-20260101-abcde' })).toMatchObject({
      seed: mark.seed,
      safety_identifier: `user-1.${mark.mark}`,
    })
  })

  it('stays with the task whose tag it is, even if seeds are alike', () => {
    const other = markOf({ taskKey: 'other', attempt: 1 })
    expect(carries({ seed: mark.seed, safety_identifier: `user.${other.mark}` }, mark)).toBe(false)
    expect(carries({ seed: mark.seed, safety_identifier: 'somebody' }, mark)).toBe(true)
  })
})

describe('list', () => {
  const task = (id: string) => ({ id, status: 'running' })
  const read = async (tasks: AsyncIterable<{ id: string }>) => {
    const ids: string[] = []
    for await (const { id } of tasks) ids.push(id)
    return ids
  }

  it('reads every page of both service tiers, until one is empty, and by no other filter', async () => {
    const ark = await client(
      { body: { total: 3, items: [task('a'), task('b')] } },
      { body: { total: 3, items: [task('c')] } },
      { body: { total: 3, items: null } },
      { body: { items: [] } },
    )
    expect(await read(ark.list(signal))).toEqual(['a', 'b', 'c'])
    const queries = provider.requests.map(({ url }) => Object.fromEntries(new URL(url).searchParams))
    const page = (page_num: string, tier: string) => ({ page_num, page_size: '500', 'filter.service_tier': tier })
    expect(queries).toEqual([...['1', '2', '3'].map((number) => page(number, 'default')), page('1', 'flex')])
  })

  it('reads no further than it is asked', async () => {
    const ark = await client({ body: { items: [task('a'), task('b')] } })
    for await (const { id } of ark.list(signal)) {
      expect(id).toBe('a')
      break
    }
    expect(provider.requests).toHaveLength(1)
  })

  it('throws where a page cannot be read: that is not "nothing there"', async () => {
    const denied = { error: { code: 'AccessDenied', message: 'no' } }
    const ark = await client({ body: { items: [task('a')] } }, { status: 403, body: denied })
    await expect(read(ark.list(signal))).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('throws where the list became shorter: what moved up a page was missed', async () => {
    const ark = await client({ body: { total: 600, items: [task('a')] } }, { body: { total: 599, items: [task('b')] } })
    await expect(read(ark.list(signal))).rejects.toMatchObject({ code: 'ListShrank', kind: 'unavailable' })
  })

  it('gives each page the time of a request', async () => {
    provider = await startFakeProvider({ body: { items: [task('a')] } }, 'hang')
    const ark = createArkClient({ ...provider.endpoint, requestTimeoutMs: 2000 })
    const message = expect.stringContaining('No end within 2000 ms')
    await expect(read(ark.list(new AbortController().signal))).rejects.toMatchObject({
      kind: 'unavailable',
      message,
    })
  })

  it('throws where the list does not end', async () => {
    const ark = await client(...Array.from({ length: 500 }, () => ({ body: { items: [task('a')] } })))
    await expect(read(ark.list(signal))).rejects.toMatchObject({ code: 'ListTooLong', kind: 'unavailable' })
  })
})
