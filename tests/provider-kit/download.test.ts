import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { download, downloadBytes } from '@/provider-kit/provider/download.js'

const limits = { stallMs: 30_000, timeoutMs: 60_000 }
const anywhere = { mayConnectTo: () => true }
const impatient = { stallMs: 300, timeoutMs: 60_000 }
let server: Server
let url: string
let answer: RequestListener

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/video.mp4?X-Signature=the-signature`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function all(signal = new AbortController().signal, given = limits): Promise<string> {
  let text = ''
  for await (const chunk of download(url, given, signal, anywhere)) text += Buffer.from(chunk).toString()
  return text
}

const expired = { type: 'download_link_expired', nonRetryable: false }
const failed = { type: 'download_failed', nonRetryable: false }
const failedForGood = { type: 'download_failed', nonRetryable: true }

function xml(code: string, message: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message><StringToSign>the-signature</StringToSign></Error>`
}

it('gives what the file holds', async () => {
  answer = (_, response) => void response.write('first ', () => response.end('second'))
  expect(await all()).toBe('first second')
})

it.each([
  [403, xml('AccessDenied', 'Request has expired'), expired, '(403 AccessDenied: Request has expired)'],
  [400, xml('AccessDenied', 'Request is too old'), expired, '(400 AccessDenied: Request is too old)'],
  [400, xml('ExpiredToken', 'The token is over'), expired, '(400 ExpiredToken: The token is over)'],
  [403, '', expired, '(403)'],
  [404, xml('NoSuchKey', 'No such key'), expired, '(404 NoSuchKey: No such key)'],
  [410, 'Gone', expired, '(410)'],
  [400, xml('InvalidArgument', 'No'), failedForGood, 'answered 400 InvalidArgument: No'],
  [401, '', failedForGood, 'answered 401'],
  [204, undefined, failedForGood, 'answered 204'],
  [429, '', failed, 'answered 429'],
  [500, '', failed, 'answered 500'],
  [503, xml('SlowDown', 'Please reduce your rate'), failed, 'answered 503 SlowDown: Please reduce your rate'],
])('tells what %i %s means', async (status, body, expected, message) => {
  answer = (_, response) => response.writeHead(status).end(body)
  const error = await all().catch((cause: Error) => cause)
  expect(error).toMatchObject({ ...expected, message: expect.stringContaining(message) })
  expect(JSON.stringify(error)).not.toContain('the-signature')
})

it('does not read an answer that explains itself for ever', async () => {
  answer = (_, response) => {
    response.writeHead(500)
    const flood = () => response.write('x'.repeat(1000), (error) => !error && flood())
    flood()
  }
  await expect(all()).rejects.toMatchObject({ ...failed, message: 'The download answered 500' })
})

it.each<[string, typeof limits, RequestListener, string]>([
  ['does not begin', impatient, () => {}, 'Nothing came of the download for 300 ms'],
  [
    'stops half-way',
    impatient,
    (_, response) => void response.write('half'),
    'Nothing came of the download for 300 ms',
  ],
  [
    'is shorter than announced',
    limits,
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half', () => response.destroy())
    },
    'The download broke off: ',
  ],
  [
    'is cut off between its chunks',
    limits,
    (_, response) => void response.write('half', () => response.destroy()),
    'broke off',
  ],
])('fails where the body %s', async (_what, given, listener, message) => {
  answer = listener
  await expect(all(undefined, given)).rejects.toMatchObject({
    ...failed,
    message: expect.stringContaining(message),
  })
})

it('fails where nobody listens', async () => {
  server.close()
  await expect(all()).rejects.toMatchObject({ ...failed, message: expect.stringContaining('ECONNREFUSED') })
})

it('ends what trickles', async () => {
  answer = (_, response) => {
    const trickle = setInterval(() => response.write('.'), 20)
    response.on('close', () => clearInterval(trickle))
  }
  await expect(all(undefined, { stallMs: 30_000, timeoutMs: 500 })).rejects.toMatchObject({
    ...failed,
    message: 'The download was not done within 500 ms',
  })
})

it('does not take a slow receiver for a silent sender', async () => {
  answer = (_, response) => void response.write('first ', () => response.end('second'))
  let text = ''
  for await (const chunk of download(url, impatient, new AbortController().signal, anywhere)) {
    text += Buffer.from(chunk).toString()
    await new Promise((resolve) => setTimeout(resolve, 600))
  }
  expect(text).toBe('first second')
})

it('ends as it is told to, and closes the connection', async () => {
  const controller = new AbortController()
  const reason = new Error('cancelled')
  const closed = new Promise<void>((resolve) => {
    answer = (_, response) => {
      response.on('close', resolve)
      response.write('half', () => controller.abort(reason))
    }
  })
  await expect(all(controller.signal)).rejects.toBe(reason)
  await closed
})

it('closes the connection where the receiver wants no more', async () => {
  const closed = new Promise<void>((resolve) => {
    answer = (_, response) => void response.on('close', resolve).write('half')
  })
  for await (const _ of download(url, limits, new AbortController().signal, anywhere)) break
  await closed
})

it('gives small files as a whole, and no large ones', async () => {
  answer = (_, response) => response.end('0123456789')
  const { signal } = new AbortController()
  expect(Buffer.from(await downloadBytes(url, 10, limits, signal, anywhere)).toString()).toBe('0123456789')
  await expect(downloadBytes(url, 9, limits, signal, anywhere)).rejects.toMatchObject(failedForGood)
})
