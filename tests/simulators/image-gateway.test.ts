import { imageSize } from 'image-size'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createImageGatewaySimulator, SIMULATOR_HEADER } from '@/simulators/index.js'
import { encodePng } from '@/simulators/picture.js'

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

async function ask(body: unknown, authorization = 'Bearer x') {
  const response = await fetch(completions, { method: 'POST', headers: { authorization }, body: JSON.stringify(body) })
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into what the simulator answers.
  return { status: response.status, headers: response.headers, body: (await response.json()) as any }
}
async function paint(...content: object[]): Promise<Buffer> {
  const { body } = await ask(chat(...content))
  return Buffer.from(body.choices[0].message.images[0].image_url.url.replace('data:image/png;base64,', ''), 'base64')
}

describe('an image', () => {
  it('is a PNG, the same for the same prompt and another for another', async () => {
    const image = await paint(text('A snail'))
    expect(imageSize(image)).toMatchObject({ type: 'png', width: 512, height: 512 })
    expect(await paint(text('A snail'))).toEqual(image)
    expect(await paint(text('A whale'))).not.toEqual(image)
  })

  it('has the aspect ratio that the prompt asks for, or else that of the reference', async () => {
    expect(imageSize(await paint(text('A snail\n\nAspect ratio: 9:16')))).toMatchObject({ width: 288, height: 512 })
    const reference = encodePng({ width: 40, height: 10, data: new Uint8Array(1600).fill(9) })
    const url = `data:image/png;base64,${reference.toString('base64')}`
    expect(imageSize(await paint(text('A snail'), picture(url)))).toMatchObject({ width: 512, height: 128 })
  })

  it('depends on a reference that cannot be decoded here, too', async () => {
    const url = (content: string) => `data:image/jpeg;base64,${Buffer.from(content).toString('base64')}`
    const image = await paint(text('A snail'), picture(url('one')))
    expect(await paint(text('A snail'), picture(url('two')))).not.toEqual(image)
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

it('answers without an image where the prompt says so', async () => {
  const { status, body } = await ask(chat(text('[fail]')))
  expect(status).toBe(200)
  expect(body.choices[0]).toMatchObject({ finish_reason: 'content_filter' })
  expect(body.choices[0].message.images).toBeUndefined()
})
