/** Requests to providers end by this application's own time-outs, and not by those that Node's `fetch` has. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { withTimeout } from '@/lib/abort.js'
import { markOf } from '@/provider-kit/definition/marks.js'
import type { ProviderEndpoint } from '@/provider-kit/provider/config.js'
import { downloadBytes, linksOf } from '@/provider-kit/provider/download.js'
import { createArkClient } from '../contracts/ark-client.js'
import { generate } from '../contracts/image-client.js'

const SILENCE_MS = 2500
const png = Buffer.from('89504e470d0a1a0a', 'hex').toString('base64')
const ANSWERS: Record<string, object> = {
  openai: { choices: [{ message: { images: [`data:image/png;base64,${png}`] } }] },
  gemini: { candidates: [{ content: { parts: [{ inlineData: { data: png } }] } }] },
  ark: { id: 'cgt-1' },
}

// Where Node's `fetch` finds its dispatcher: one whose 300 s are short.
const NODES_DISPATCHER = Symbol.for('undici.globalDispatcher.1')
const globals = globalThis as unknown as Record<symbol, unknown>
let before: unknown
let impatient: Agent
beforeAll(() => {
  before = globals[NODES_DISPATCHER]
  impatient = new Agent({ headersTimeout: 300, bodyTimeout: 300 })
  globals[NODES_DISPATCHER] = impatient
})
afterAll(async () => {
  globals[NODES_DISPATCHER] = before
  await impatient.close()
})

/** Silent for so long before the headers, or in the middle of the body: by the address that it is reached at. */
let server: Server
let url: string
let silenceMs: number
let body: string
beforeEach(async () => {
  silenceMs = SILENCE_MS
  server = createServer(async (request, response) => {
    const silence = (place: string) =>
      new Promise((resolve) => setTimeout(resolve, request.url?.startsWith(place) ? silenceMs : 0))
    await silence('/before')
    response.writeHead(200, { 'content-type': 'application/json' }).write(body.slice(0, 5))
    await silence('/within')
    response.end(body.slice(5))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

const endpointAt = (place: string): ProviderEndpoint => ({
  baseUrl: `${url}/${place}`,
  apiKey: 'the-key',
  model: 'the-model',
  requestTimeoutMs: 60_000,
  simulated: false,
})

const generateBy = (backend: 'openai' | 'gemini') => (place: string, signal: AbortSignal) =>
  generate({ backend, endpoint: endpointAt(place) }, { prompt: 'A kite' }, { signal })
const mark = markOf({ taskKey: 'key', attempt: 1 })
const requests: Array<[kind: string, request: (place: string, signal: AbortSignal) => Promise<unknown>]> = [
  ['openai', generateBy('openai')],
  ['gemini', generateBy('gemini')],
  [
    'ark',
    (place, signal) =>
      createArkClient(endpointAt(place)).create({ prompt: 'A kite' }, { mark, deadlineSeconds: 60 }, signal),
  ],
]
const { signal } = new AbortController()

it("is true of Node's fetch that it gives up", async () => {
  body = '{}     '
  await expect(fetch(`${url}/before`, { signal })).rejects.toMatchObject({ cause: { code: 'UND_ERR_HEADERS_TIMEOUT' } })
})

it.each(requests)('a request (%s) waits for its answer through silence', async (kind, request) => {
  body = JSON.stringify(ANSWERS[kind])
  const answers = await Promise.all(['before', 'within'].map((place) => request(place, signal)))
  expect(answers.every(Boolean)).toBe(true)
})

it.each(requests)('a request (%s) ends by its own time-out', async (_kind, request) => {
  silenceMs = 60_000
  const asked = withTimeout(500, [signal], (soon) => request('before', soon))
  await expect(asked).rejects.toMatchObject({ name: 'ProviderError', kind: 'ambiguous' })
  await expect(asked).rejects.toThrow(/No end within 500 ms|Request was aborted/)
})

it('a download waits for as long as it may be silent', async () => {
  body = 'whole file'
  const limits = { stallMs: 60_000, timeoutMs: 60_000 }
  const all = (place: string) => {
    const { baseUrl, ...endpoint } = endpointAt(place)
    return downloadBytes(baseUrl, 100, limits, signal, linksOf({ baseUrl, ...endpoint }))
  }
  const files = await Promise.all(['before', 'within'].map(all))
  expect(files.map((bytes) => Buffer.from(bytes).toString())).toEqual([body, body])
})
