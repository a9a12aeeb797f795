/** Fetching what a user's URL names, against real servers on several of this machine's loopback addresses. */
import type { lookup as systemLookup } from 'node:dns'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConnectionOptions } from '@/lib/checked-http.js'
import { safeFetch } from '@/provider-kit/provider/safe-fetch.js'
import { encodePng } from '@/tools/simulators/picture.js'

const png = encodePng({ width: 2, height: 2, data: new Uint8Array(16).fill(255) })
const limits = { media: 'image' as const, maxBytes: 10_000, timeoutMs: 60_000 }
const { signal } = new AbortController()

/** Stands for an address of the public internet; 127.0.0.1 is private as ever. */
const OUTSIDE = '127.0.0.2'
const mayConnectTo = (address: string) => address === OUTSIDE

let outside: Server
let inside: Server
let port: number
let answer: RequestListener
let reachedInside: number

beforeEach(async () => {
  reachedInside = 0
  // Inside first: other tests listen there too, and outside nobody else does.
  inside = createServer((_, response) => {
    reachedInside++
    response.end(png)
  }).listen(0, '127.0.0.1')
  await once(inside, 'listening')
  port = (inside.address() as AddressInfo).port
  outside = createServer((request, response) => answer(request, response)).listen(port, OUTSIDE)
  await once(outside, 'listening')
  answer = (_, response) => response.end(png)
})

afterEach(() => {
  for (const server of [outside, inside]) {
    server.close()
    server.closeAllConnections()
  }
})

/** Names resolve to these addresses, one resolution after another; the last one from then on. */
function resolvingTo(...resolutions: string[][]): ConnectionOptions & { asked: string[] } {
  const asked: string[] = []
  const lookup = ((name: string, _options: object, callback: (error: null, addresses: object[]) => void) => {
    asked.push(name)
    const addresses = (resolutions.length > 1 ? resolutions.shift() : resolutions[0]) ?? []
    callback(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    )
  }) as typeof systemLookup
  return { mayConnectTo, lookup, asked }
}

const refusal = (type: string) => ({ type, nonRetryable: true, details: [{ kind: 'refused', providerEnded: true }] })
const trouble = { type: 'url_unavailable', nonRetryable: false, details: [{ kind: 'unavailable' }] }

it('gives the bytes, and what they are whatever the server says', async () => {
  answer = (_, response) => response.setHeader('content-type', 'text/html').end(png)
  const fetched = await safeFetch(`http://picture.test:${port}/a`, limits, signal, resolvingTo([OUTSIDE]))
  expect(fetched).toEqual({ bytes: png, mimeType: 'image/png' })
})

it('resolves names as the system does, unless told otherwise', async () => {
  const allowed = { mayConnectTo: () => true }
  const fetched = await safeFetch(`http://localhost:${port}/a`, limits, signal, allowed)
  expect(fetched.mimeType).toBe('image/png')
  await expect(safeFetch(`http://localhost:${port}/a`, limits, signal)).rejects.toMatchObject(
    refusal('url_not_allowed'),
  )
  expect(reachedInside).toBe(1)
})

describe('does not reach a private network', () => {
  it.each(['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]'])('by its address %s', async (host) => {
    await expect(safeFetch(`http://${host}:${port}/`, limits, signal)).rejects.toMatchObject(refusal('url_not_allowed'))
    expect(reachedInside).toBe(0)
  })

  it('by a name', async () => {
    const options = resolvingTo(['127.0.0.1'])
    await expect(safeFetch(`http://private.test:${port}/`, limits, signal, options)).rejects.toMatchObject({
      ...refusal('url_not_allowed'),
      message: 'private.test leads to this machine or a private network',
    })
    expect(reachedInside).toBe(0)
  })

  it('by a name of which one address only is private', async () => {
    const options = resolvingTo([OUTSIDE, '127.0.0.1'])
    await expect(safeFetch(`http://both.test:${port}/`, limits, signal, options)).rejects.toMatchObject(
      refusal('url_not_allowed'),
    )
  })

  it.each([
    ['its address', (to: number) => `http://127.0.0.1:${to}/`],
    ['a name', (to: number) => `http://localhost:${to}/`],
    ['another protocol', () => 'file:///etc/passwd'],
  ])('by a redirect to %s', async (_what, target) => {
    answer = (_, response) => response.writeHead(302, { location: target(port) }).end()
    const options = { ...resolvingTo([OUTSIDE], ['127.0.0.1']) }
    await expect(safeFetch(`http://picture.test:${port}/`, limits, signal, options)).rejects.toMatchObject(
      refusal('url_not_allowed'),
    )
    expect(reachedInside).toBe(0)
  })

  it('by a name that changes between check and use', async () => {
    const options = resolvingTo([OUTSIDE], ['127.0.0.1'])
    const fetched = await safeFetch(`http://rebinding.test:${port}/`, limits, signal, options)
    expect(fetched.mimeType).toBe('image/png')
    // Resolved once: what was checked is what was connected to.
    expect([options.asked, reachedInside]).toEqual([['rebinding.test'], 0])
  })

  it('by a name that changes before the redirect to itself', async () => {
    answer = (request, response) => {
      const { socket } = request
      response.writeHead(302, { location: '/again', connection: 'close' }).end(() => socket.destroy())
    }
    const options = resolvingTo([OUTSIDE], ['127.0.0.1'])
    await expect(safeFetch(`http://rebinding.test:${port}/`, limits, signal, options)).rejects.toMatchObject(
      refusal('url_not_allowed'),
    )
    expect([options.asked.length, reachedInside]).toEqual([2, 0])
  })
})

it('follows redirects, though not for ever', async () => {
  let requests = 0
  answer = (request, response) => {
    requests++
    if (request.url === '/end') response.end(png)
    else response.writeHead(307, { location: request.url === '/loop' ? '/loop' : '/end' }).end()
  }
  const options = resolvingTo([OUTSIDE])
  expect((await safeFetch(`http://picture.test:${port}/`, limits, signal, options)).mimeType).toBe('image/png')
  requests = 0
  await expect(safeFetch(`http://picture.test:${port}/loop`, limits, signal, options)).rejects.toMatchObject(
    refusal('url_refused'),
  )
  expect(requests).toBe(6)
})

it.each<[string, RequestListener, object]>([
  ['is too large', (_, response) => response.end(Buffer.alloc(20_000)), refusal('url_too_large')],
  ['is no picture', (_, response) => response.end('<html>'), refusal('url_not_media')],
  ['is not there', (_, response) => response.writeHead(404).end(), refusal('url_refused')],
  ['may be there later', (_, response) => response.writeHead(503).end(), trouble],
  ['breaks off', (_, response) => response.writeHead(200, { 'content-length': '999' }).end(png), trouble],
])('refuses what %s', async (_what, listener, expected) => {
  answer = listener
  const fetching = safeFetch(`http://picture.test:${port}/`, limits, signal, resolvingTo([OUTSIDE]))
  await expect(fetching).rejects.toMatchObject(expected)
})

it.each<[string, RequestListener]>([
  ['does not begin', () => {}],
  ['does not end', (_, response) => void response.writeHead(200).write(png)],
])('gives up what %s', async (_what, listener) => {
  answer = listener
  const soon = { ...limits, timeoutMs: 500 }
  const fetching = safeFetch(`http://picture.test:${port}/`, soon, signal, resolvingTo([OUTSIDE]))
  await expect(fetching).rejects.toMatchObject({ ...trouble, message: expect.stringContaining('within 500 ms') })
})

it('survives a connection that is reset while the answer comes', async () => {
  answer = (_, response) => {
    response.writeHead(200).write(Buffer.alloc(16 * 1024 ** 2))
    // By then most of it has arrived.
    response.once('drain', () => response.socket?.resetAndDestroy())
  }
  const large = { ...limits, maxBytes: 64 * 1024 ** 2 }
  const fetching = safeFetch(`http://picture.test:${port}/`, large, signal, resolvingTo([OUTSIDE]))
  await expect(fetching).rejects.toMatchObject(trouble)
})

it('says no more of a URL than its host, and nothing of what is resolved', async () => {
  answer = (_, response) => response.writeHead(403).end('the secret is 42')
  const url = `http://picture.test:${port}/private/path?signature=secret`
  const error: Error = await safeFetch(url, limits, signal, resolvingTo([OUTSIDE])).catch((cause) => cause)
  expect(error.message).toBe(`picture.test:${port} answered 403`)
  const credentials = safeFetch('http://anna:secret@picture.test/', limits, signal, resolvingTo([OUTSIDE]))
  await expect(credentials).rejects.toMatchObject(refusal('url_not_allowed'))
  await expect(credentials).rejects.not.toThrow('secret')
})

it('ends as it is told to', async () => {
  const controller = new AbortController()
  const reason = new Error('cancelled')
  answer = () => controller.abort(reason)
  const fetching = safeFetch(`http://picture.test:${port}/`, limits, controller.signal, resolvingTo([OUTSIDE]))
  await expect(fetching).rejects.toBe(reason)
})
