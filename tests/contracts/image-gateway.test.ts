/**
 * The client of OpenAI-compatible gateways against answers word for word: every shape and every error. A table of
 * answers, which is as long as they are many.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from '../provider-kit/fake-provider.js'
import { resolving } from '../support/names.js'
import { generate as generateBy } from './image-client.js'

const bytes = Buffer.from('not really a picture')
const base64 = bytes.toString('base64')
const dataUrl = `data:image/png;base64,${base64}`
const other = Buffer.from('another one')
const otherUrl = `data:image/webp;base64,${other.toString('base64')}`

const lookup = resolving({ 'files.example.org': ['93.184.216.34'], '10.0.0.1.nip.io': ['10.0.0.1'] })

let provider: FakeProvider
afterEach(() => provider.stop())

const send = (request: object = {}, controller?: AbortController) =>
  generateBy({ backend: 'openai', endpoint: provider.endpoint, lookup }, { prompt: 'A kite', ...request }, controller)

async function generate(answer: PreparedAnswer, request: object = {}) {
  provider = await startFakeProvider(answer)
  return send(request)
}

const says = (message: object, choice: object = {}) => ({
  body: {
    model: 'm',
    choices: [{ finish_reason: 'stop', ...choice, message: { role: 'assistant', ...message } }],
    usage: { prompt_tokens: 2, completion_tokens: 7, total_tokens: 9 },
  },
})

describe('a request', () => {
  it('has the references beside the prompt, and the aspect ratio in words and as LiteLLM passes it on', async () => {
    await generate(says({ images: [{ image_url: { url: dataUrl } }] }), {
      referenceImages: ['https://files.example.org/b.png', dataUrl],
      aspectRatio: '16:9',
      imageSize: '2K',
    })
    expect(provider.requests).toMatchObject([
      {
        url: expect.stringMatching(/\/chat\/completions$/),
        authorization: 'Bearer the-key',
        body: {
          model: 'the-model',
          modalities: ['image', 'text'],
          imageConfig: { aspectRatio: '16:9', imageSize: '2K' },
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: expect.stringMatching(/^A kite\n.*16:9$/s) },
                { type: 'image_url', image_url: { url: 'https://files.example.org/b.png' } },
                { type: 'image_url', image_url: { url: dataUrl } },
              ],
            },
          ],
        },
      },
    ])
  })

  it('leaves out what is not asked for', async () => {
    await generate(says({ image: dataUrl }))
    expect(provider.requests[0]?.body).not.toHaveProperty('imageConfig')
  })
})

describe('a link to a reference image', () => {
  it.each(['http://127.0.0.1/a.png', 'http://169.254.169.254/a.png', 'https://main/a.png', 'http://10.0.0.1.nip.io/'])(
    '%s is not passed on',
    async (url) => {
      const failed = generate(says({ image: dataUrl }), { referenceImages: [dataUrl, url] })
      await expect(failed).rejects.toMatchObject({ type: 'url_not_allowed', details: [{ kind: 'refused' }] })
      expect(provider.requests).toEqual([])
    },
  )
})

describe('finds the image', () => {
  it.each([
    ['in images', { content: 'Here.', images: [{ type: 'image_url', image_url: { url: dataUrl } }] }],
    ['in images, as a plain URL', { content: 'Here.', images: [{ image_url: dataUrl }] }],
    ['in images, as strings', { content: 'Here.', images: [dataUrl] }],
    ['in images, as bare base64', { content: 'Here.', images: [base64] }],
    ['in image', { content: 'Here.', image: { url: dataUrl } }],
    ['in image, as a string', { content: 'Here.', image: dataUrl }],
    ['in images and in image, once', { content: 'Here.', images: [{ image_url: { url: dataUrl } }], image: dataUrl }],
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
    ['within the text, whatever it is called', { content: `Here. data:application/octet-stream;base64,${base64}` }],
    [
      'as a type that is none of an image',
      { content: 'Here.', image: `data:application/octet-stream;base64,${base64}` },
    ],
  ])('%s', async (_where, message) => {
    expect(await generate(says(message))).toEqual({
      images: [bytes],
      text: 'Here.',
      model: 'm',
      usage: { promptTokens: 2, completionTokens: 7, totalTokens: 9 },
    })
  })

  it('as all the text there is', async () => {
    expect(await generate(says({ content: dataUrl }))).not.toHaveProperty('text')
  })

  it.each([
    ['in images', { images: [{ image_url: { url: dataUrl } }, { image_url: { url: otherUrl } }] }],
    ['within the text', { content: `![one](${dataUrl}) and ![two](${otherUrl})` }],
  ])('and all others %s', async (_where, message) => {
    expect((await generate(says(message))).images).toEqual([bytes, other])
  })

  it('and nothing where a data URL has no bytes', async () => {
    const { images } = await generate(says({ content: `Not data:image/png;base64, but ${dataUrl}` }))
    expect(images).toEqual([bytes])
  })

  it('behind a link', async () => {
    const { images } = await generate(says({ images: [{ image_url: { url: 'https://cdn/x.png' } }] }))
    expect(images).toEqual([new URL('https://cdn/x.png')])
  })

  it('of 30 MB within the text', async () => {
    const large = Buffer.alloc(30_000_000, 7)
    const { images } = await generate(says({ content: `Here. data:image/png;base64,${large.toString('base64')}` }))
    expect(large.equals(images[0] as Uint8Array)).toBe(true)
  })
})

describe('tells the cost', () => {
  it('where LiteLLM does', async () => {
    const { usage } = await generate({ ...says({ image: dataUrl }), headers: { 'x-litellm-response-cost': '0.0387' } })
    expect(usage).toEqual({ promptTokens: 2, completionTokens: 7, totalTokens: 9, costUsd: 0.0387 })
  })

  it('and nothing where nobody does', async () => {
    const { usage } = await generate({ body: { choices: [{ message: { image: dataUrl } }] } })
    expect(usage).toEqual({})
  })
})

describe('without an image', () => {
  const native = (reason: string) => ({
    finish_reason: 'content_filter',
    provider_specific_fields: { native_finish_reason: reason },
  })

  it.each([
    ['the filter', { finish_reason: 'content_filter' }, {}, 'content_filter', 'refused'],
    ['a refusal in words', {}, { refusal: 'I will not.' }, 'refusal', 'refused'],
    ['the end of its tokens', { finish_reason: 'length' }, {}, 'length', 'refused'],
    ['IMAGE_SAFETY, as it is', { finish_reason: 'IMAGE_SAFETY' }, {}, 'IMAGE_SAFETY', 'refused'],
    ['IMAGE_SAFETY behind the filter', native('IMAGE_SAFETY'), {}, 'IMAGE_SAFETY', 'refused'],
    ['NO_IMAGE behind the filter', native('NO_IMAGE'), {}, 'NO_IMAGE', 'ended'],
    ['IMAGE_OTHER behind the filter', native('IMAGE_OTHER'), {}, 'IMAGE_OTHER', 'ended'],
    ['words alone', {}, { content: 'Sorry.' }, 'NO_IMAGE', 'ended'],
    ['nothing at all', { finish_reason: null }, {}, 'NO_IMAGE', 'ended'],
  ])('for %s', async (_reason, choice, message, code, kind) => {
    await expect(generate(says(message, choice))).rejects.toMatchObject({ code, kind })
  })

  it('says why in the words of the model', async () => {
    await expect(generate(says({ refusal: 'I will not.' }))).rejects.toThrow('I will not.')
  })
})

describe('an error', () => {
  const body = (type: string | null, code: string, message = 'why') => ({
    error: { message, type, param: null, code },
  })
  const gemini = (code: number, status: string, message: string, more = '') =>
    `GeminiException - {"error": {"code": ${code}, "message": "${message}", "status": "${status}"${more}}}`
  const policy = 'litellm.ContentPolicyViolationError: litellm.BadRequestError: the prompt'
  const overload = `litellm.ServiceUnavailableError: ${gemini(503, 'UNAVAILABLE', 'The model is overloaded.')}`
  const overload500 = `litellm.InternalServerError: ${gemini(503, 'UNAVAILABLE', 'The model is overloaded.')}`
  const fault = `litellm.InternalServerError: ${gemini(500, 'INTERNAL', 'An internal error has occurred.')}`
  const timeout = 'litellm.Timeout: Connection timed out'

  it.each([
    // Refused for good
    [400, body('ContentPolicyViolationError', '400'), 'ContentPolicyViolationError', 'refused'],
    [400, body('invalid_request_error', '400', policy), 'ContentPolicyViolationError', 'refused'],
    [500, body('internal_server_error', '500', policy), 'ContentPolicyViolationError', 'refused'],
    [400, body('invalid_request_error', 'content_policy_violation'), 'content_policy_violation', 'refused'],
    [400, body(null, 'invalid_size'), 'invalid_size', 'refused'],
    [401, body('auth_error', '401'), 'auth_error', 'refused'],
    [403, body('key_model_access_denied', '403'), 'key_model_access_denied', 'refused'],
    [404, body('invalid_request_error', 'model_not_found'), 'model_not_found', 'refused'],
    // Later
    [429, body('throttling_error', '429'), 'throttling_error', 'unavailable'],
    [429, { error: { message: 'why', type: null, code: 429 } }, 'HTTP429', 'unavailable'],
    [500, body('internal_server_error', '500', 'litellm.RateLimitError: why'), 'RateLimitError', 'unavailable'],
    [503, body('internal_server_error', '503', overload), 'ServiceUnavailableError', 'unavailable'],
    [500, body('internal_server_error', '500', overload500), 'InternalServerError', 'unavailable'],
    [503, body('overloaded_error', '503'), 'overloaded_error', 'unavailable'],
    // Nobody knows
    [500, body('internal_server_error', '500'), 'internal_server_error', 'ambiguous'],
    [500, body('internal_server_error', '500', fault), 'InternalServerError', 'ambiguous'],
    [408, body('timeout_error', '408', timeout), 'Timeout', 'ambiguous'],
    [502, '<html>', 'HTTP502', 'ambiguous'],
    [503, 'upstream connect error or disconnect/reset before headers', 'HTTP503', 'ambiguous'],
    [504, body(null, '504'), 'HTTP504', 'ambiguous'],
  ])('%i %j', async (status, answer, code, kind) => {
    await expect(generate({ status, body: answer })).rejects.toMatchObject({ code, kind })
    expect(provider.requests).toHaveLength(1)
  })

  it('is to be sent elsewhere: the key stays here', async () => {
    provider = await startFakeProvider(
      { status: 307, body: '', headers: { location: '/elsewhere' } },
      says({ image: dataUrl }),
    )
    await expect(send()).rejects.toMatchObject({ code: 'HTTP307', kind: 'refused' })
    expect(provider.requests).toHaveLength(1)
  })

  it('is in the words of the gateway', async () => {
    const message = 'Unknown aspect ratio: 99:1'
    await expect(generate({ status: 400, body: body(null, '400', message) })).rejects.toThrow(
      expect.objectContaining({ message }),
    )
  })

  it.each([
    ['the header', body('throttling_error', '429'), { 'retry-after': '21' }, 21],
    [
      "the provider's words",
      body(null, '429', `litellm.RateLimitError: ${gemini(429, 'RESOURCE_EXHAUSTED', 'x', ', "retryDelay": "46s"')}`),
      {},
      46,
    ],
    ['nothing', body('throttling_error', '429'), {}, undefined],
  ])('is waited for as long as %s says', async (_who, answer, headers, retryAfterSeconds) => {
    const failed = generate({ status: 429, body: answer, headers })
    await expect(failed).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds })
  })

  it.each([
    [429, body('insufficient_quota', 'insufficient_quota'), 'insufficient_quota', 3600],
    [400, body('budget_exceeded', '400'), 'budget_exceeded', 3600],
    [402, body(null, '402'), 'HTTP402', 3600],
    [
      429,
      body('throttling_error', '429', 'Quota exceeded: GenerateRequestsPerDayPerProject'),
      'throttling_error',
      21_600,
    ],
  ])('of a quota waits long: %i %j', async (status, answer, code, retryAfterSeconds) => {
    const failed = generate({ status, body: answer, headers: { 'retry-after': '2' } })
    await expect(failed).rejects.toMatchObject({ code, kind: 'unavailable', retryAfterSeconds })
  })
})

describe('an answer that is lost', () => {
  it.each([
    ['by a reset', 'reset', 'NoAnswer'],
    ['in the middle of its JSON', { body: '{"choices": [' }, 'UnreadableAnswer'],
    ['in other JSON', { body: {} }, 'UnreadableAnswer'],
  ] satisfies Array<[string, PreparedAnswer, string]>)(
    '%s is ambiguous, and not asked for again',
    async (_how, answer, code) => {
      await expect(generate(answer)).rejects.toMatchObject({ code, kind: 'ambiguous' })
      expect(provider.requests).toHaveLength(1)
    },
  )

  it('because nobody waits for it any more is ambiguous', async () => {
    provider = await startFakeProvider('hang')
    const stop = new AbortController()
    const failed = expect(send({}, stop)).rejects.toMatchObject({ code: 'NoAnswer', kind: 'ambiguous' })
    await expect.poll(() => provider.requests.length).toBe(1)
    stop.abort()
    await failed
  })

  it('because nobody listened made nothing', async () => {
    provider = await startFakeProvider()
    await provider.stop()
    await expect(send()).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
