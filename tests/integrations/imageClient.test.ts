import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createImageClient } from '@/integrations/nanobanana2ImageGeneration/client.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from './fake-provider.js'

const bytes = Buffer.from('not really a picture')
const dataUrl = `data:image/png;base64,${bytes.toString('base64')}`
let provider: FakeProvider
let signal: AbortSignal
beforeEach(() => {
  signal = AbortSignal.timeout(30_000)
})
afterEach(() => provider.stop())

async function generate(answer: PreparedAnswer, request: object = {}) {
  provider = await startFakeProvider(answer)
  return createImageClient(provider.endpoint).generate({ prompt: 'A kite', ...request }, signal)
}

const says = (message: object, finish_reason = 'stop') => ({
  body: {
    model: 'm',
    choices: [{ finish_reason, message: { role: 'assistant', ...message } }],
    usage: { total_tokens: 9 },
  },
})

it('asks for an image, with the references beside the prompt', async () => {
  await generate(says({ images: [{ image_url: { url: dataUrl } }] }), {
    referenceImages: ['https://a/b.png', dataUrl],
    aspectRatio: '16:9',
  })
  expect(provider.requests).toMatchObject([
    {
      url: expect.stringMatching(/\/chat\/completions$/),
      authorization: 'Bearer the-key',
      body: {
        model: 'the-model',
        modalities: ['image', 'text'],
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: expect.stringMatching(/^A kite\n.*16:9$/s) },
              { type: 'image_url', image_url: { url: 'https://a/b.png' } },
              { type: 'image_url', image_url: { url: dataUrl } },
            ],
          },
        ],
      },
    },
  ])
})

describe('finds the image', () => {
  it.each([
    ['in images', { content: 'Here.', images: [{ type: 'image_url', image_url: { url: dataUrl } }] }],
    ['in images, as a plain URL', { content: 'Here.', images: [{ image_url: dataUrl }] }],
    ['in images, as strings', { content: 'Here.', images: [dataUrl] }],
    ['in image', { content: 'Here.', image: { url: dataUrl } }],
    ['in image, as a string', { content: 'Here.', image: dataUrl }],
    [
      'in the parts of content',
      {
        content: [
          { type: 'text', text: 'Here.' },
          { type: 'image_url', image_url: { url: dataUrl } },
        ],
      },
    ],
    ['within the text', { content: `Here. ${dataUrl}` }],
  ])('%s', async (_where, message) => {
    expect(await generate(says(message))).toEqual({ images: [bytes], text: 'Here.', model: 'm', totalTokens: 9 })
  })

  it('as all the text there is', async () => {
    expect(await generate(says({ content: dataUrl }))).toEqual({ images: [bytes], model: 'm', totalTokens: 9 })
  })

  it('behind a link', async () => {
    const { images } = await generate(says({ images: [{ image_url: { url: 'https://cdn/x.png' } }] }))
    expect(images).toEqual([new URL('https://cdn/x.png')])
  })
})

describe('without an image', () => {
  it.each([
    ['content_filter', {}, 'content_filter', 'refused'],
    ['IMAGE_SAFETY', {}, 'IMAGE_SAFETY', 'refused'],
    ['stop', { refusal: 'I will not.' }, 'stop', 'refused'],
    ['NO_IMAGE', { content: 'Sorry.' }, 'no_image', 'ended'],
  ])('%s %j', async (reason, message, code, kind) => {
    await expect(generate(says(message, reason))).rejects.toMatchObject({ code, kind })
  })
})

describe('errors', () => {
  const body = (type: string | null, code: string) => ({ error: { message: 'why', type, param: null, code } })

  it.each([
    [400, body('ContentPolicyViolationError', '400'), 'ContentPolicyViolationError', 'refused'],
    [401, body('auth_error', '401'), 'auth_error', 'refused'],
    [400, body(null, 'invalid_size'), 'invalid_size', 'refused'],
    [429, body('throttling_error', '429'), 'throttling_error', 'unavailable'],
    [503, '<html>', 'http_503', 'unavailable'],
    [500, body('internal_server_error', '500'), 'internal_server_error', 'ended'],
    [502, '<html>', 'http_502', 'ambiguous'],
    [504, body(null, '504'), 'http_504', 'ambiguous'],
  ])('%i is %s', async (status, answer, code, kind) => {
    await expect(generate({ status, body: answer })).rejects.toMatchObject({ code, kind })
    expect(provider.requests).toHaveLength(1)
  })

  it('wait as long as the gateway asks', async () => {
    const answer = { status: 429, body: body('throttling_error', '429'), headers: { 'retry-after': '21' } }
    await expect(generate(answer)).rejects.toMatchObject({ retryAfterSeconds: 21 })
  })

  it('are ambiguous where the answer is lost or unreadable, and not sent twice', async () => {
    await expect(generate('reset')).rejects.toMatchObject({ kind: 'ambiguous' })
    expect(provider.requests).toHaveLength(1)
    await provider.stop()
    await expect(generate({ body: '{"choices": [' })).rejects.toMatchObject({ kind: 'ambiguous' })
    await provider.stop()
    await expect(generate({ body: {} })).rejects.toMatchObject({ code: 'unreadable_answer', kind: 'ambiguous' })
  })

  it('are ambiguous when the request was aborted under way', async () => {
    provider = await startFakeProvider('hang')
    const soon = AbortSignal.timeout(100)
    const request = createImageClient(provider.endpoint).generate({ prompt: 'A kite' }, soon)
    await expect(request).rejects.toMatchObject({ kind: 'ambiguous' })
  })

  it('mean that nothing was made where nobody listened', async () => {
    provider = await startFakeProvider()
    await provider.stop()
    const request = createImageClient(provider.endpoint).generate({ prompt: 'A kite' }, signal)
    await expect(request).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
