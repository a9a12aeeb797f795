import { readFile } from 'node:fs/promises'
import { imageSize } from 'image-size'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ANSWER_SHAPES, type AnswerShape } from '@/tools/simulators/image-gateway/answer.js'
import { createImageGatewaySimulator, SIMULATOR_HEADER } from '@/tools/simulators/index.js'
import { encodePng } from '@/tools/simulators/picture.js'
import { ask as askAny } from './support.js'

const gateway = createImageGatewaySimulator({ latencyMs: 0 })
let completions: string
beforeAll(async () => {
  completions = `${(await gateway.start()).url}/chat/completions`
})
afterAll(() => gateway.stop())

const chat = (...content: object[]) => ({
  model: 'm',
  modalities: ['image', 'text'],
  messages: [{ role: 'user', content }],
})
const text = (words: string) => ({ type: 'text', text: words })
const picture = (url: string) => ({ type: 'image_url', image_url: { url } })

const ask = (body: unknown, authorization = 'Bearer x') => askAny('POST', completions, body, { authorization })
async function paint(...content: object[]): Promise<Buffer> {
  const { body } = await ask(chat(...content))
  return Buffer.from(body.choices[0].message.images[0].image_url.url.replace('data:image/png;base64,', ''), 'base64')
}

describe('an image', () => {
  it('is a PNG, the same for the same prompt and another for another', async () => {
    const image = await paint(text('A snail'))
    expect(imageSize(image)).toMatchObject({ type: 'png', width: 512, height: 512 })
    expect((await paint(text('A snail'))).equals(image)).toBe(true)
    expect((await paint(text('A whale'))).equals(image)).toBe(false)
  })

  it('has the aspect ratio that the prompt asks for, or else that of the reference', async () => {
    expect(imageSize(await paint(text('A snail\n\nAspect ratio: 9:16')))).toMatchObject({ width: 288, height: 512 })
    const reference = encodePng({ width: 40, height: 10, data: new Uint8Array(1600).fill(9) })
    const url = `data:image/png;base64,${reference.toString('base64')}`
    expect(imageSize(await paint(text('A snail'), picture(url)))).toMatchObject({ width: 512, height: 128 })
  })

  it('has another ratio by wrongSize', async () => {
    gateway.faults.set({ wrongSize: 1 })
    expect(imageSize(await paint(text('A snail\n\nAspect ratio: 9:16')))).toMatchObject({ width: 512, height: 512 })
  })

  it('depends on a reference that cannot be decoded here, too', async () => {
    const url = (content: string) => `data:image/jpeg;base64,${Buffer.from(content).toString('base64')}`
    const image = await paint(text('A snail'), picture(url('one')))
    expect((await paint(text('A snail'), picture(url('two')))).equals(image)).toBe(false)
  })

  it('says with the answer that no provider made it', async () => {
    const { headers, body } = await ask(chat(text('A snail')))
    expect(headers.get(SIMULATOR_HEADER)).toBe('image-gateway')
    expect(body.id).toMatch(/^chatcmpl-simulated-/)
  })
})

describe('a request is refused', () => {
  it.each([
    ['without a model', { ...chat(text('a')), model: undefined }, 'invalid_request_error', 'model'],
    ['without messages', { ...chat(text('a')), messages: [] }, 'invalid_request_error', 'messages'],
    ['with an unknown part', chat({ type: 'image', image: 'x' }), 'invalid_request_error', 'messages.0.content'],
    ['that asks for text alone', { ...chat(text('a')), modalities: ['text'] }, 'invalid_request_error', 'modalities'],
    [
      'with a reference that cannot be read',
      chat(text('a'), picture('http://127.0.0.1:9/x.png')),
      'invalid_request_error',
      'messages',
    ],
    ['that moderation would refuse', chat(text('[refuse]')), 'ContentPolicyViolationError', null],
  ])('%s', async (_case, body, type, param) => {
    expect(await ask(body)).toMatchObject({ status: 400, body: { error: { type, param, code: '400' } } })
  })

  it('without a key', async () => {
    expect(await ask(chat(text('a')), '')).toMatchObject({ status: 401, body: { error: { type: 'auth_error' } } })
  })
})

describe('an answer without an image', () => {
  const messageOf = async (words: string) => {
    const { status, body } = await ask(chat(text(words)))
    expect(status).toBe(200)
    expect(JSON.stringify(body)).not.toContain('base64')
    return body.choices[0]
  }

  it('is one where the prompt says so, or the fault: moderation blocked it', async () => {
    expect(await messageOf('[fail]')).toMatchObject({ finish_reason: 'content_filter' })
    gateway.faults.set({ refuseAtFinish: 1 })
    expect(await messageOf('A snail')).toMatchObject({ finish_reason: 'content_filter' })
  })

  it('is one by failAtFinish, with words instead', async () => {
    gateway.faults.set({ failAtFinish: 1 })
    expect(await messageOf('A snail')).toMatchObject({
      finish_reason: 'stop',
      message: { content: expect.any(String) },
    })
  })
})

describe('the shape of the answer', () => {
  const data = expect.stringMatching(/^data:image\/png;base64,\w/)
  it.each<[AnswerShape, object]>([
    ['images', { content: expect.any(String), images: [{ type: 'image_url', image_url: { url: data } }] }],
    ['images-string', { images: [{ type: 'image_url', image_url: data }] }],
    ['image', { image: { url: data } }],
    ['content', { content: expect.stringMatching(/!\[image\]\(data:image\/png;base64,[^)]+\)$/) }],
    ['content-parts', { content: [{ type: 'text' }, { type: 'image_url', image_url: { url: data } }] }],
    [
      'link',
      { images: [{ image_url: { url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/files\/.*\.png$/) } }] },
    ],
  ])('%s', async (answerShape, message) => {
    const shaped = createImageGatewaySimulator({ latencyMs: 0, answerShape })
    const url = `${(await shaped.start()).url}/chat/completions`
    const { body } = await askAny('POST', url, chat(text('A snail')))
    expect(body.choices[0].message).toMatchObject(message)
    if (answerShape === 'link') {
      const file = await fetch(body.choices[0].message.images[0].image_url.url)
      expect(imageSize(new Uint8Array(await file.arrayBuffer()))).toMatchObject({ type: 'png', width: 512 })
    }
    await shaped.stop()
  })

  it('is each of those that there are, and that are documented', async () => {
    expect(Object.keys(ANSWER_SHAPES)).toEqual(['images', 'images-string', 'image', 'content', 'content-parts', 'link'])
    const page = await readFile('docs/simulators.md', 'utf8')
    const rows = Object.entries(ANSWER_SHAPES).map(([shape, where]) => `| \`${shape}\` | ${where} |`)
    expect(rows.filter((row) => !page.includes(row))).toEqual([])
  })
})

it('takes only the key and the models that it is told of', async () => {
  const strict = createImageGatewaySimulator({ latencyMs: 0, apiKey: 'right', models: ['known'] })
  const url = `${(await strict.start()).url}/chat/completions`
  const status = async (model: string, authorization: string) => {
    const { body, status } = await askAny('POST', url, { ...chat(text('A snail')), model }, { authorization })
    return [status, body.error?.code]
  }
  expect(await status('known', 'Bearer right')).toEqual([200, undefined])
  expect(await status('known', 'Bearer wrong')).toEqual([401, '401'])
  expect(await status('unknown', 'Bearer right')).toEqual([400, '400'])
  await strict.stop()
})

it('words its faults as LiteLLM does', async () => {
  const errorBy = async (fault: 'rateLimited' | 'quotaExceeded' | 'failBeforeAccept') => {
    gateway.faults.set({ [fault]: 1 })
    const { body, headers } = await ask(chat(text('A snail')))
    return [body.error.type, body.error.code, headers.get('retry-after')]
  }
  expect(await errorBy('rateLimited')).toEqual(['throttling_error', '429', '1'])
  expect(await errorBy('quotaExceeded')).toEqual(['budget_exceeded', '429', null])
  expect(await errorBy('failBeforeAccept')).toEqual(['internal_server_error', '500', null])
})
