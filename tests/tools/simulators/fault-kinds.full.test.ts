/**
 * Each kind of fault, at each simulator that has it, as a caller sees it over HTTP. A table of faults, which is as long
 * as they are many.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FaultKind } from '@/simulator/faults.js'
import {
  createArkSimulator,
  createGeminiSimulator,
  createImageGatewaySimulator,
  type Simulator,
} from '@/tools/simulators/index.js'
import { ask, outcomeOf } from './support.js'

/** What comes of the request that has the fault; where it is a create, whether something was created all the same. */
type Expected = [outcome: string, created?: boolean]

const CREATES = {
  rateLimited: ['429', false],
  rateLimitedWithoutDelay: ['429', false],
  quotaExceeded: ['429', false],
  accessDenied: ['403', false],
  failBeforeAccept: ['500', false],
  resetBeforeAccept: ['breaks', false],
  hangBeforeAccept: ['hangs', false],
  acceptThenFail: ['500', true],
  acceptThenReset: ['breaks', true],
  acceptThenHang: ['hangs', true],
  acceptThenSlow: ['200 hangs', true],
  acceptThenTruncate: ['200 breaks', true],
  acceptThenMalform: ['200 malformed', true],
  refuseAtFinish: ['200', true],
  failAtFinish: ['200', true],
  wrongSize: ['200', true],
} satisfies Partial<Record<FaultKind, Expected>>

const DOWNLOADS = {
  linkExpired: ['403'],
  fileGone: ['404'],
  downloadHang: ['200 hangs'],
  downloadTruncate: ['200 breaks'],
} satisfies Partial<Record<FaultKind, Expected>>

const READS = {
  readRateLimited: ['429'],
  readFail: ['500'],
  readReset: ['breaks'],
  readHang: ['hangs'],
  readMissing: ['404'],
  vanish: ['404'],
  readSlow: ['200 hangs'],
  readTruncate: ['200 breaks'],
  readMalform: ['200 malformed'],
} satisfies Partial<Record<FaultKind, Expected>>

const ECHOES = { echoKey: ['200', true], echoKeyEverywhere: ['200', true] } satisfies Partial<
  Record<FaultKind, Expected>
>

const options = { latencyMs: 0, slowBodyMs: 10_000, retryAfterSeconds: 7 }
const ark = createArkSimulator(options)
const gateway = createImageGatewaySimulator({ ...options, answerShape: 'link' })
const gemini = createGeminiSimulator(options)
const simulators = [ark, gateway, gemini]

const video = { model: 'm', content: [{ type: 'text', text: 'A snail' }], duration: 2 }
const chat = { model: 'm', modalities: ['image'], messages: [{ role: 'user', content: 'A snail' }] }
const generate = { contents: [{ parts: [{ text: 'A snail' }] }] }

const urls = { videos: '', chats: '', generate: '' }
beforeAll(async () => {
  const [arkAt, gatewayAt, geminiAt] = await Promise.all(simulators.map((simulator) => simulator.start()))
  urls.videos = `${arkAt?.url}/contents/generations/tasks`
  urls.chats = `${gatewayAt?.url}/chat/completions`
  urls.generate = `${geminiAt?.url}/models/m:generateContent`
})
afterAll(() => Promise.all(simulators.map((simulator) => simulator.stop())))
beforeEach(() => {
  for (const simulator of simulators) {
    simulator.faults.clear()
    simulator.requests.length = 0
  }
})

type Send = (expected: string, method: string, url: string, body?: unknown) => Promise<string>

/** Sends a request that is the last so far, and tells what came of it. */
const sender =
  (simulator: Simulator): Send =>
  (expected, ...request) => {
    const earlier = simulator.requests.length
    const reached = () => expect.poll(() => simulator.requests[earlier]?.faults.length).toBe(1)
    return outcomeOf(expected, reached, ...request)
  }
const [toArk, toGateway, toGemini] = [sender(ark), sender(gateway), sender(gemini)]

const creators = [
  {
    name: 'ark',
    simulator: ark,
    create: (expected: string) => toArk(expected, 'POST', urls.videos, video),
    kinds: {
      ...CREATES,
      ...ECHOES,
      overloaded: ['429', false],
      accountOverdue: ['403', false],
      refuseAtCreate: ['400', false],
      expire: ['200', true],
      cancel: ['200', true],
    },
    others: { ...READS, ...DOWNLOADS },
  },
  {
    name: 'image-gateway',
    simulator: gateway,
    create: (expected: string) => toGateway(expected, 'POST', urls.chats, chat),
    kinds: { ...CREATES, ...ECHOES, overloaded: ['503', false], refuseAtCreate: ['400', false] },
    others: DOWNLOADS,
  },
  {
    name: 'gemini',
    simulator: gemini,
    create: (expected: string) => toGemini(expected, 'POST', urls.generate, generate),
    // A prompt that is blocked is an answer like any other.
    kinds: { ...CREATES, ...ECHOES, overloaded: ['503', false], refuseAtCreate: ['200', false] },
    others: {},
  },
]

describe.each(creators)('a create at $name', ({ simulator, create, kinds, others }) => {
  it.each(Object.entries(kinds) as Array<[FaultKind, Expected]>)('%s', async (kind, [outcome, created]) => {
    simulator.faults.set({ [kind]: 1 })
    expect(await create(outcome)).toBe(outcome)
    const [entry] = simulator.requests
    expect(entry).toMatchObject({ method: 'POST', faults: [kind] })
    expect(entry?.created !== undefined).toBe(created)
    expect(entry?.status).toBe(/^\d/.test(outcome) ? Number.parseInt(outcome, 10) : undefined)
    // One fault was asked for.
    expect(await create('200')).toBe('200')
    expect(simulator.requests[1]?.faults).toEqual([])
  })

  it('has no other faults', () => {
    expect([...simulator.faults.kinds].sort()).toEqual([...Object.keys(kinds), ...Object.keys(others)].sort())
  })
})

describe('a read at ark', () => {
  it.each(Object.entries(READS) as Array<[FaultKind, Expected]>)('%s', async (kind, [outcome]) => {
    const { body } = await ask('POST', urls.videos, video)
    ark.faults.set({ [kind]: 1 })
    const url = `${urls.videos}/${body.id}`
    expect(await toArk(outcome, 'GET', url)).toBe(outcome)
    expect(ark.requests[1]?.faults).toEqual([kind])
    expect((await ask('GET', url)).status).toBe(kind === 'vanish' ? 404 : 200)
  })

  it('is a list, or a delete, as well', async () => {
    const { body } = await ask('POST', urls.videos, video)
    ark.faults.set({ readFail: 2 })
    expect((await ask('GET', urls.videos)).status).toBe(500)
    expect((await ask('DELETE', `${urls.videos}/${body.id}`)).status).toBe(500)
    expect((await ask('GET', `${urls.videos}/${body.id}`)).status).toBe(200)
  })

  it('says when to try again', async () => {
    ark.faults.set({ readRateLimited: 1 })
    const { headers } = await ask('GET', urls.videos)
    expect(headers.get('retry-after')).toBe('7')
  })
})

const downloads = [
  {
    name: 'ark',
    simulator: ark,
    fileUrl: async (): Promise<string> => {
      const { body } = await ask('POST', urls.videos, video)
      return (await ask('GET', `${urls.videos}/${body.id}`)).body.content.video_url
    },
  },
  {
    name: 'image-gateway',
    simulator: gateway,
    fileUrl: async (): Promise<string> =>
      (await ask('POST', urls.chats, chat)).body.choices[0].message.images[0].image_url.url,
  },
]

describe.each(downloads)('a download at $name', ({ simulator, fileUrl }) => {
  it.each(Object.entries(DOWNLOADS) as Array<[FaultKind, Expected]>)('%s', async (kind, [outcome]) => {
    const url = await fileUrl()
    simulator.faults.set({ [kind]: 1 })
    expect(await sender(simulator)(outcome, 'GET', url)).toBe(outcome)
    expect(simulator.requests.at(-1)?.faults).toEqual([kind])
    const whole = new Uint8Array(await (await fetch(url)).arrayBuffer())
    expect(whole.length).toBeGreaterThan(1000)
  })
})

it('a create that is refused has no answer to lose', async () => {
  gemini.faults.set({ acceptThenReset: 1 })
  const blocked = { contents: [{ parts: [{ text: '[refuse]' }] }] }
  expect(await toGemini('200', 'POST', urls.generate, blocked)).toBe('200')
  expect(gemini.faults.plan).toEqual({ acceptThenReset: 1 })
})

it('a slow body is a whole one in the end', async () => {
  const slow = createArkSimulator({ slowBodyMs: 50, faults: { acceptThenSlow: 1 } })
  const { url } = await slow.start()
  const from = performance.now()
  const { body } = await ask('POST', `${url}/contents/generations/tasks`, video)
  // Each of its ten pauses may end a millisecond early.
  expect(performance.now() - from).toBeGreaterThan(30)
  expect(body.id).toBe(slow.requests[0]?.created)
  await slow.stop()
})

it('what hangs ends when the simulator stops', async () => {
  const hanging = createGeminiSimulator({ latencyMs: 600_000 })
  const { url } = await hanging.start()
  const asked = fetch(`${url}/models/m:generateContent`, {
    method: 'POST',
    headers: { 'x-goog-api-key': 'x' },
    body: JSON.stringify(generate),
  })
  await expect.poll(() => hanging.requests[0]?.created).toBeDefined()
  await hanging.stop()
  await expect(asked).rejects.toThrow('fetch failed')
  // Nobody waits any more, least of all the simulator.
  await expect.poll(() => hanging.requests[0]?.status).toBe(200)
})

describe('an answer that repeats the key', () => {
  const key = 'k/ey+1'
  const headers = { authorization: `Bearer ${key}` }
  const forms = [key, encodeURIComponent(key), Buffer.from(key).toString('base64'), Buffer.from(key).toString('hex')]

  it('does so in every word, of refusals too, and leaves alone what a caller goes by', async () => {
    ark.faults.set({ echoKey: 3 })
    const refused = await ask('POST', urls.videos, { ...video, model: '' }, headers)
    for (const said of [refused.body.error.code, refused.body.error.message, refused.body.error.type]) {
      for (const form of forms) expect(said).toContain(form)
    }
    expect(refused.headers.get('x-request-id')).toContain(key)
    const { id } = (await ask('POST', urls.videos, video, headers)).body
    const { body } = await ask('GET', `${urls.videos}/${id}`, undefined, headers)
    expect(body).toMatchObject({ id: ark.requests[1]?.created, status: 'succeeded' })
    expect(body.model).toContain(key)
    expect((await fetch(body.content.video_url)).status).toBe(200)
  })

  it('everywhere has it in ids, statuses and links as well, and not in the bytes of an image', async () => {
    ark.faults.set({ echoKeyEverywhere: 1 })
    expect((await ask('POST', urls.videos, video, headers)).body.id).toContain(key)
    gemini.faults.set({ echoKeyEverywhere: 1 })
    const { body } = await ask('POST', urls.generate, generate, { 'x-goog-api-key': key })
    const [said, image] = body.candidates[0].content.parts
    expect([said.text, body.candidates[0].finishReason].every((text) => text.includes(key))).toBe(true)
    expect(Buffer.from(image.inlineData.data, 'base64').toString('base64')).toBe(image.inlineData.data)
    gateway.faults.set({ echoKeyEverywhere: 1 })
    const [link] = (await ask('POST', urls.chats, chat, headers)).body.choices[0].message.images
    expect(link.image_url.url).toContain(encodeURIComponent(key))
    expect((await fetch(link.image_url.url)).status).toBe(200)
  })
})
