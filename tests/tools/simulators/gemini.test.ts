import { imageSize } from 'image-size'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGeminiSimulator, SIMULATOR_HEADER } from '@/tools/simulators/index.js'
import { encodePng } from '@/tools/simulators/picture.js'
import { ask } from './support.js'

const gemini = createGeminiSimulator({ latencyMs: 0, retryAfterSeconds: 7 })
const strict = createGeminiSimulator({ latencyMs: 0, apiKey: 'right', models: ['known'] })
const urls = { base: '', strict: '' }
beforeAll(async () => {
  urls.base = (await gemini.start()).url
  urls.strict = (await strict.start()).url
})
afterAll(() => Promise.all([gemini.stop(), strict.stop()]))

const request = (prompt: string, generationConfig?: object, ...more: object[]) => ({
  contents: [{ role: 'user', parts: [{ text: prompt }, ...more] }],
  ...(generationConfig && { generationConfig }),
})
const generate = (body: unknown) => ask('POST', `${urls.base}/models/m:generateContent`, body)
// biome-ignore lint/suspicious/noExplicitAny: the tests look into what the simulator answers.
const imagesIn = ({ body }: { body: any }): Buffer[] =>
  body.candidates[0].content.parts.flatMap((part: { inlineData?: { data: string } }) =>
    part.inlineData ? [Buffer.from(part.inlineData.data, 'base64')] : [],
  )
const inline = (bytes: Uint8Array, mimeType = 'image/png') => ({
  inlineData: { mimeType, data: Buffer.from(bytes).toString('base64') },
})

describe('an image', () => {
  it('is a part of the answer, beside words, and says that no provider made it', async () => {
    const answer = await generate(request('A snail', { responseModalities: ['TEXT', 'IMAGE'] }))
    expect(answer).toMatchObject({
      status: 200,
      body: {
        candidates: [{ finishReason: 'STOP', content: { role: 'model', parts: [{ text: expect.any(String) }, {}] } }],
        usageMetadata: { candidatesTokenCount: 1120, totalTokenCount: 1127 },
        modelVersion: 'm',
      },
    })
    expect(answer.headers.get(SIMULATOR_HEADER)).toBe('gemini')
    expect(gemini.requests.at(-1)?.created).toBe(answer.body.responseId)
    const [image] = imagesIn(answer)
    expect(imageSize(image ?? Buffer.alloc(0))).toMatchObject({ type: 'png', width: 1024, height: 1024 })
    expect(imagesIn(await generate(request('A snail')))[0]?.equals(image as Buffer)).toBe(true)
    expect(imagesIn(await generate(request('A whale')))[0]?.equals(image as Buffer)).toBe(false)
  })

  it.each([
    [{ aspectRatio: '16:9' }, 1360, 768],
    [{ aspectRatio: '9:16' }, 768, 1360],
    [{ aspectRatio: '21:9' }, 1568, 672],
    [{ imageSize: '2K' }, 2048, 2048],
    [{ aspectRatio: '1:1', imageSize: '1K' }, 1024, 1024],
  ])('has the ratio and the size of %j', async (imageConfig, width, height) => {
    const [image] = imagesIn(await generate(request('A snail', { imageConfig })))
    expect(imageSize(image ?? Buffer.alloc(0))).toMatchObject({ width, height })
  })

  it('has the ratio of a reference where none is asked for, and shows it', async () => {
    const reference = encodePng({ width: 40, height: 10, data: new Uint8Array(1600).fill(9) })
    const [image] = imagesIn(await generate(request('A snail', undefined, inline(reference))))
    expect(imageSize(image ?? Buffer.alloc(0))).toMatchObject({ width: 2048, height: 512 })
    const [other] = imagesIn(await generate(request('A snail', undefined, inline(Buffer.from('?'), 'image/jpeg'))))
    const [without] = imagesIn(await generate(request('A snail')))
    expect(other?.equals(without as Buffer)).toBe(false)
  })

  it('has another ratio by wrongSize', async () => {
    gemini.faults.set({ wrongSize: 1 })
    const [image] = imagesIn(await generate(request('A snail', { imageConfig: { aspectRatio: '1:1' } })))
    expect(imageSize(image ?? Buffer.alloc(0))).toMatchObject({ width: 1360, height: 768 })
  })

  it('comes after a draft where thoughts are asked for', async () => {
    const answer = await generate(request('A snail', { thinkingConfig: { includeThoughts: true } }))
    expect(answer.body.candidates[0].content.parts.map(({ thought }: { thought?: true }) => thought)).toEqual([
      true,
      undefined,
      undefined,
    ])
    expect(imagesIn(answer)).toHaveLength(2)
  })
})

describe('an answer without an image', () => {
  it.each([
    ['[refuse]', 'PROHIBITED_CONTENT'],
    ['[block:IMAGE_SAFETY]', 'IMAGE_SAFETY'],
  ])('is a block of the prompt for %s, and nothing is made', async (marker, blockReason) => {
    const { status, body } = await generate(request(`A ${marker}`))
    expect(status).toBe(200)
    expect(body).toMatchObject({ promptFeedback: { blockReason } })
    expect(body).not.toHaveProperty('candidates')
    expect(gemini.requests.at(-1)?.created).toBeUndefined()
  })

  it.each([
    ['[fail]', 'IMAGE_SAFETY'],
    ...['SAFETY', 'PROHIBITED_CONTENT', 'NO_IMAGE', 'IMAGE_SAFETY', 'IMAGE_OTHER', 'OTHER', 'STOP'].map((reason) => [
      `[finish:${reason}]`,
      reason,
    ]),
  ])('ends by the reason of %s, and is charged for', async (marker, finishReason) => {
    const answer = await generate(request(`A ${marker}`))
    expect(answer).toMatchObject({ status: 200, body: { candidates: [{ finishReason }] } })
    expect(JSON.stringify(answer.body)).not.toContain('inlineData')
    expect(gemini.requests.at(-1)?.created).toBe(answer.body.responseId)
  })

  it.each([
    ['refuseAtFinish', 'IMAGE_SAFETY'],
    ['failAtFinish', 'NO_IMAGE'],
  ] as const)('ends by %s as %s', async (fault, finishReason) => {
    gemini.faults.set({ [fault]: 1 })
    expect((await generate(request('A snail'))).body.candidates[0].finishReason).toBe(finishReason)
  })
})

describe('a request is refused', () => {
  it.each<[string, unknown, string]>([
    ['without contents', {}, 'contents'],
    ['with no contents', { contents: [] }, 'contents'],
    ['with an unknown field', { ...request('A snail'), model: 'm' }, 'model'],
    [
      'with an unknown option',
      request('A snail', { imageConfig: { size: '1K' } }),
      'generationConfig.imageConfig.size',
    ],
    [
      'with an unknown ratio',
      request('A snail', { imageConfig: { aspectRatio: '7:5' } }),
      'generationConfig.imageConfig.aspectRatio',
    ],
    [
      'with an unknown size',
      request('A snail', { imageConfig: { imageSize: '8K' } }),
      'generationConfig.imageConfig.imageSize',
    ],
    ['for words alone', request('A snail', { responseModalities: ['TEXT'] }), 'generationConfig.responseModalities'],
    [
      'with a reference that is no image',
      request('A snail', undefined, inline(Buffer.from('?'), 'text/html')),
      'contents.0.parts.1.inlineData.mimeType',
    ],
    [
      'with a reference that is no base64',
      request('A snail', undefined, { inlineData: { mimeType: 'image/png', data: '?' } }),
      'contents.0.parts.1.inlineData.data',
    ],
  ])('%s', async (_case, body, field) => {
    expect(await generate(body)).toMatchObject({
      status: 400,
      body: {
        error: {
          code: 400,
          status: 'INVALID_ARGUMENT',
          message: expect.any(String),
          details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field }] }],
        },
      },
    })
  })

  const known = () => `${urls.strict}/models/known:generateContent`
  it.each([
    ['no key', {}, 403, 'PERMISSION_DENIED'],
    ['a wrong key', { 'x-goog-api-key': 'wrong' }, 400, 'INVALID_ARGUMENT'],
  ])('with %s', async (_case, headers: Record<string, string>, code, status) => {
    expect(await ask('POST', known(), request('A snail'), headers)).toMatchObject({
      status: code,
      body: { error: { code, status } },
    })
  })

  it('for a model that there is not', async () => {
    const headers = { 'x-goog-api-key': 'right' }
    expect((await ask('POST', known(), request('A snail'), headers)).status).toBe(200)
    const other = known().replace('known', 'preview')
    expect(await ask('POST', other, request('A snail'), headers)).toMatchObject({
      status: 404,
      body: { error: { code: 404, status: 'NOT_FOUND' } },
    })
  })
})

describe('a fault', () => {
  const refusedBy = async (fault: 'rateLimited' | 'rateLimitedWithoutDelay' | 'quotaExceeded' | 'overloaded') => {
    gemini.faults.set({ [fault]: 1 })
    return (await generate(request('A snail'))).body.error
  }
  const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

  it('of the rate says when to try again, or does not', async () => {
    const limited = await refusedBy('rateLimited')
    expect(limited).toMatchObject({ code: 429, status: 'RESOURCE_EXHAUSTED' })
    expect(limited.details).toContainEqual({ '@type': RETRY_INFO, retryDelay: '7s' })
    expect(JSON.stringify(limited.details)).toContain('PerMinute')
    expect(await refusedBy('rateLimitedWithoutDelay')).toEqual({
      code: 429,
      status: 'RESOURCE_EXHAUSTED',
      message: expect.any(String),
    })
  })

  it('of the quota is told by its id, for there is a short delay beside it', async () => {
    const { details } = await refusedBy('quotaExceeded')
    expect(JSON.stringify(details)).toContain('GenerateRequestsPerDay')
    expect(details).toContainEqual({ '@type': RETRY_INFO, retryDelay: '47s' })
  })

  it('of overload is UNAVAILABLE', async () => {
    expect(await refusedBy('overloaded')).toMatchObject({ code: 503, status: 'UNAVAILABLE' })
  })
})
