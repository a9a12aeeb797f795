/**
 * The client of Gemini's own API against answers word for word: every shape and every error. A table of answers, which
 * is as long as they are many.
 */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { encodePng } from '@/tools/simulators/picture.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from '../provider-kit/fake-provider.js'
import { generate as generateBy } from './image-client.js'

const bytes = Buffer.from('not really a picture')
const inlineData = { mimeType: 'image/png', data: bytes.toString('base64') }
const png = encodePng({ width: 2, height: 2, data: new Uint8Array(16).fill(255) })
const pngData = png.toString('base64')

interface GenerateContent {
  contents: Array<{ parts: unknown[] }>
}

let provider: FakeProvider
afterEach(() => provider.stop())

async function generate(answer: PreparedAnswer, request: object = {}, endpoint: object = {}) {
  provider = await startFakeProvider(answer)
  const gemini = { backend: 'gemini', endpoint: { ...provider.endpoint, ...endpoint } } as const
  return generateBy(gemini, { prompt: 'A kite', ...request })
}

const says = (parts: object[], finishReason = 'STOP', more: object = {}) => ({
  body: {
    candidates: [{ index: 0, content: { role: 'model', parts }, finishReason, ...more }],
    usageMetadata: { promptTokenCount: 2, candidatesTokenCount: 7, thoughtsTokenCount: 3, totalTokenCount: 12 },
    modelVersion: 'm',
  },
})

describe('a request', () => {
  it('goes to the model, with the key in a header', async () => {
    await generate(says([{ inlineData }]), { aspectRatio: '16:9', imageSize: '2K' })
    expect(provider.requests).toEqual([
      {
        method: 'POST',
        url: 'http://provider/models/the-model:generateContent',
        authorization: undefined,
        headers: expect.objectContaining({ 'x-goog-api-key': 'the-key' }),
        body: {
          contents: [{ role: 'user', parts: [{ text: 'A kite' }] }],
          generationConfig: {
            responseModalities: ['TEXT', 'IMAGE'],
            imageConfig: { aspectRatio: '16:9', imageSize: '2K' },
          },
        },
      },
    ])
  })

  it('leaves out what is not asked for', async () => {
    await generate(says([{ inlineData }]))
    expect(provider.requests[0]?.body).toMatchObject({ generationConfig: { responseModalities: ['TEXT', 'IMAGE'] } })
    expect(provider.requests[0]?.body).not.toHaveProperty('generationConfig.imageConfig')
  })
})

describe('reference images', () => {
  let host: Server
  async function serve(body: Uint8Array | string, status = 200): Promise<string> {
    host = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1')
    await once(host, 'listening')
    return `http://127.0.0.1:${(host.address() as AddressInfo).port}/picture`
  }
  afterEach(() => host?.close())

  const parts = () => (provider.requests[0]?.body as GenerateContent | undefined)?.contents[0]?.parts

  it('are within the request, as what their bytes are', async () => {
    await generate(says([{ inlineData }]), { referenceImages: [`data:image/jpeg;base64,${pngData}`] })
    expect(parts()).toEqual([{ text: 'A kite' }, { inlineData: { mimeType: 'image/png', data: pngData } }])
  })

  it('are fetched where they are URLs', async () => {
    const url = await serve(png)
    await generate(says([{ inlineData }]), { referenceImages: [url] }, { simulated: true })
    expect(parts()).toEqual([{ text: 'A kite' }, { inlineData: { mimeType: 'image/png', data: pngData } }])
  })

  it('are not fetched from this machine, and nothing is asked for then', async () => {
    const url = await serve(png)
    await expect(generate(says([{ inlineData }]), { referenceImages: [url] })).rejects.toMatchObject({
      type: 'url_not_allowed',
      nonRetryable: true,
    })
    expect(provider.requests).toEqual([])
  })

  it('that are no images are refused, and nothing is asked for then', async () => {
    const referenceImages = [`data:image/png;base64,${Buffer.from('a text').toString('base64')}`]
    await expect(generate(says([{ inlineData }]), { referenceImages })).rejects.toMatchObject({
      code: 'reference_not_an_image',
      kind: 'refused',
    })
    expect(provider.requests).toEqual([])
  })

  it('that are too large together are refused, and nothing is asked for then', async () => {
    const url = await serve(Buffer.concat([png, Buffer.alloc(5_000_000)]))
    const referenceImages = [url, url, url]
    await expect(generate(says([{ inlineData }]), { referenceImages }, { simulated: true })).rejects.toMatchObject({
      code: 'references_too_large',
      kind: 'refused',
    })
    expect(provider.requests).toEqual([])
  })
})

describe('finds', () => {
  it('the image, what is said beside it, and what it took', async () => {
    expect(await generate(says([{ text: 'Here.' }, { inlineData }]))).toEqual({
      images: [bytes],
      text: 'Here.',
      model: 'm',
      usage: { promptTokens: 2, completionTokens: 10, totalTokens: 12 },
    })
  })

  it('every image, and no draft of one', async () => {
    const draft = { inlineData: { ...inlineData, data: Buffer.from('a draft').toString('base64') }, thought: true }
    const { images, text } = await generate(
      says([{ text: 'I think.', thought: true }, draft, { inlineData }, { inlineData }]),
    )
    expect(images).toEqual([bytes, bytes])
    expect(text).toBeUndefined()
  })

  it('it without any figures', async () => {
    const { usage, model } = await generate({ body: { candidates: [{ content: { parts: [{ inlineData }] } }] } })
    expect({ usage, model }).toEqual({ usage: {}, model: 'the-model' })
  })
})

describe('without an image', () => {
  it.each([
    ['SAFETY', 'refused'],
    ['PROHIBITED_CONTENT', 'refused'],
    ['IMAGE_SAFETY', 'refused'],
    ['IMAGE_PROHIBITED_CONTENT', 'refused'],
    ['BLOCKLIST', 'refused'],
    ['SPII', 'refused'],
    ['RECITATION', 'refused'],
    ['IMAGE_RECITATION', 'refused'],
    ['LANGUAGE', 'refused'],
    ['MAX_TOKENS', 'refused'],
    ['NO_IMAGE', 'ended'],
    ['IMAGE_OTHER', 'ended'],
    ['OTHER', 'ended'],
  ])('for %s it is %s', async (finishReason, kind) => {
    const failed = generate(says([], finishReason, { finishMessage: 'Unable to show it.' }))
    await expect(failed).rejects.toMatchObject({
      code: finishReason,
      kind,
      message: expect.stringContaining('Unable to show it.'),
    })
  })

  it.each([
    ['words alone', says([{ text: 'Sorry.' }])],
    ['no content', { body: { candidates: [{ finishReason: 'STOP' }] } }],
    ['no candidate', { body: { usageMetadata: { promptTokenCount: 2 } } }],
    ['a draft alone', says([{ inlineData, thought: true }])],
  ])('%s may be an image another time', async (_what, answer) => {
    await expect(generate(answer)).rejects.toMatchObject({ code: 'NO_IMAGE', kind: 'ended' })
  })

  it.each(['SAFETY', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'IMAGE_SAFETY', 'OTHER'])(
    'because the prompt is blocked for %s, it stays refused',
    async (blockReason) => {
      const body = { promptFeedback: { blockReason }, usageMetadata: { promptTokenCount: 2 } }
      await expect(generate({ body })).rejects.toMatchObject({ code: blockReason, kind: 'refused' })
    },
  )
})

describe('an error', () => {
  const body = (code: number, status: string, details: object[] = []) => ({
    error: { code, status, message: 'why', details },
  })

  it.each([
    [400, 'INVALID_ARGUMENT', 'refused'],
    [400, 'FAILED_PRECONDITION', 'refused'],
    [401, 'UNAUTHENTICATED', 'refused'],
    [403, 'PERMISSION_DENIED', 'refused'],
    [404, 'NOT_FOUND', 'refused'],
    [429, 'RESOURCE_EXHAUSTED', 'unavailable'],
    [503, 'UNAVAILABLE', 'unavailable'],
    [499, 'CANCELLED', 'ambiguous'],
    [500, 'INTERNAL', 'ambiguous'],
    [500, 'UNKNOWN', 'ambiguous'],
    [504, 'DEADLINE_EXCEEDED', 'ambiguous'],
  ])('%i %s is %s', async (status, code, kind) => {
    await expect(generate({ status, body: body(status, code) })).rejects.toMatchObject({ code, kind, message: 'why' })
    expect(provider.requests).toHaveLength(1)
  })

  it.each([
    [302, 'HTTP302', 'refused'],
    [413, 'HTTP413', 'refused'],
    [429, 'HTTP429', 'unavailable'],
    [408, 'HTTP408', 'ambiguous'],
    [502, 'HTTP502', 'ambiguous'],
    [503, 'HTTP503', 'ambiguous'],
  ])('of something on the way, %i, is %s and %s', async (status, code, kind) => {
    await expect(generate({ status, body: '<html>' })).rejects.toMatchObject({ code, kind })
  })

  const retryInfo = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '46.2s' }
  const quota = (quotaId: string) => ({
    '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
    violations: [{ quotaMetric: 'generate_requests', quotaId }],
  })

  it.each([
    ['as RetryInfo says', [quota('GenerateRequestsPerMinutePerProjectPerModel'), retryInfo], {}, 46.2],
    ['as Retry-After says, without', [], { 'retry-after': '7' }, 7],
    ['as nobody says', [], {}, undefined],
    [
      'for hours if it is a quota of the day',
      [quota('GenerateRequestsPerDayPerProjectPerModel'), retryInfo],
      {},
      21_600,
    ],
    [
      'for longer if RetryInfo says so',
      [quota('GenerateRequestsPerDayPerProjectPerModel'), { ...retryInfo, retryDelay: '35643s' }],
      {},
      35_643,
    ],
  ])('of too many requests waits %s', async (_how, details, headers, retryAfterSeconds) => {
    const failed = generate({ status: 429, body: body(429, 'RESOURCE_EXHAUSTED', details), headers })
    await expect(failed).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds })
  })

  it('of credit that is used up waits for somebody to pay', async () => {
    const failed = generate({ status: 402, body: body(402, 'RESOURCE_EXHAUSTED') })
    await expect(failed).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 3600 })
  })
})

describe('an answer that is lost', () => {
  it.each([
    ['by a reset', 'reset', 'NoAnswer'],
    ['in the middle of its JSON', { body: '{"candidates": [' }, 'UnreadableAnswer'],
    ['in other JSON', { body: {} }, 'UnreadableAnswer'],
  ] satisfies Array<[string, PreparedAnswer, string]>)(
    '%s is ambiguous, and not asked for again',
    async (_how, answer, code) => {
      await expect(generate(answer)).rejects.toMatchObject({ code, kind: 'ambiguous' })
      expect(provider.requests).toHaveLength(1)
    },
  )
})
