/** Where a provider's link, and what it redirects to, may lead: real servers on two loopback addresses. */
import type { lookup as systemLookup } from 'node:dns'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { application } from '@/application.js'
import type { ConnectionOptions } from '@/lib/checked-http.js'
import { isPublicAddress } from '@/lib/public-url.js'
import { download, linksOf } from '@/provider-kit/provider/download.js'
import { otherSections } from '../support/own-integrations.js'

const limits = { stallMs: 30_000, timeoutMs: 60_000 }

/** Stands for an address of the public internet; 127.0.0.1 is private as ever. */
const OUTSIDE = '127.0.0.2'
const names: Record<string, string> = {
  'store.test': OUTSIDE,
  'private.test': '127.0.0.1',
  'metadata.test': '169.254.169.254',
  'minio.test': '127.0.0.1',
}

let outside: Server
let inside: Server
let port: number
let answer: RequestListener
let reachedInside: string[]

beforeEach(async () => {
  reachedInside = []
  // Inside first: other tests listen there too, and outside nobody else does.
  inside = createServer((request, response) => {
    reachedInside.push(request.headers.host ?? '')
    response.end('from inside')
  }).listen(0, '127.0.0.1')
  await once(inside, 'listening')
  port = (inside.address() as AddressInfo).port
  outside = createServer((request, response) => answer(request, response)).listen(port, OUTSIDE)
  await once(outside, 'listening')
})

afterEach(() => {
  for (const server of [outside, inside]) {
    server.close()
    server.closeAllConnections()
  }
})

const lookup = ((name: string, _options: object, callback: (error: null, addresses: object[]) => void) =>
  callback(null, [{ address: names[name], family: 4 }])) as typeof systemLookup

const provider = { baseUrl: 'https://provider.test/v1', simulated: false }

function get(url: string, source: Parameters<typeof linksOf>[0] = provider): Promise<string> {
  const { mayConnectTo = isPublicAddress } = linksOf(source)
  const where: ConnectionOptions = {
    lookup,
    mayConnectTo: (address, of) => address === OUTSIDE || mayConnectTo(address, of),
  }
  return text(url, where)
}

async function text(url: string, where?: ConnectionOptions): Promise<string> {
  let all = ''
  for await (const chunk of download(url, limits, new AbortController().signal, where)) {
    all += Buffer.from(chunk).toString()
  }
  return all
}

const redirectTo = (location: string): RequestListener => {
  return (request, response) => {
    if (request.url === '/start') response.writeHead(302, { location }).end()
    else response.end('from outside')
  }
}
const start = () => `http://store.test:${port}/start`
const notAllowed = { type: 'download_not_allowed', nonRetryable: true }

it('follows a redirect to another public address', async () => {
  answer = redirectTo('/file')
  expect(await get(start())).toBe('from outside')
})

describe('is not led to a private network', () => {
  it.each([
    ['this machine', () => `http://127.0.0.1:${port}/`],
    ['this machine, written otherwise', () => `http://2130706433:${port}/`],
    ['this machine by IPv6', () => `http://[::ffff:127.0.0.1]:${port}/`],
    ["a cloud's metadata", () => 'http://169.254.169.254/latest/meta-data/'],
    ["a cloud's metadata by a name", () => 'http://metadata.test/latest/meta-data/'],
    ['a name of a private address', () => `http://private.test:${port}/`],
    ['a file', () => 'file:///etc/passwd'],
  ])('by a redirect to %s', async (_what, location) => {
    answer = redirectTo(location())
    await expect(get(start())).rejects.toMatchObject(notAllowed)
    expect(reachedInside).toEqual([])
  })

  it('by the link itself', async () => {
    await expect(get(`http://private.test:${port}/?signature=s3cret`)).rejects.toMatchObject({
      ...notAllowed,
      message: expect.stringMatching(/^The download was not made: private\.test leads .* downloadHosts(?!.*s3cret)/),
    })
    expect(reachedInside).toEqual([])
  })

  it('where nothing is said of where it may lead', async () => {
    await expect(text(`http://127.0.0.1:${port}/`)).rejects.toMatchObject(notAllowed)
    expect(reachedInside).toEqual([])
  })

  it('by redirects without end', async () => {
    answer = redirectTo('/start')
    await expect(get(start())).rejects.toMatchObject({ type: 'download_failed', nonRetryable: true })
  })
})

describe('is let into a private network', () => {
  it('by a host that the configuration names, and by no other', async () => {
    const source = { ...provider, downloadHosts: ['minio.test'] }
    answer = redirectTo(`http://minio.test:${port}/file`)
    expect(await get(start(), source)).toBe('from inside')
    answer = redirectTo(`http://private.test:${port}/file`)
    await expect(get(start(), source)).rejects.toMatchObject(notAllowed)
    expect(reachedInside).toEqual([`minio.test:${port}`])
  })

  it('where the provider itself is reached, at its own port', async () => {
    answer = redirectTo(`http://private.test:${port}/file`)
    expect(await get(start(), { ...provider, baseUrl: `http://private.test:${port}/v1` })).toBe('from inside')
    await expect(get(start(), { ...provider, baseUrl: 'http://private.test:1/v1' })).rejects.toMatchObject(notAllowed)
  })

  it('while a simulator stands in', async () => {
    answer = redirectTo(`http://private.test:${port}/file`)
    expect(await get(start(), { ...provider, simulated: true })).toBe('from inside')
  })
})

describe('downloadHosts', () => {
  const parse = (downloadHosts: unknown) =>
    application.sections.safeParse({
      fangzhouVideoGeneration: { simulatorUrl: 'http://127.0.0.1:9', downloadHosts },
      nanobanana2ImageGeneration: { simulatorUrl: 'http://127.0.0.1:9' },
      testAsyncTask: {},
      ...otherSections,
    })

  it.each([
    [undefined, []],
    ['', []],
    ['MinIO.internal, 10.0.0.7', ['minio.internal', '10.0.0.7']],
    [['[fd00::7]'], ['fd00::7']],
  ])('may be %j', (given, hosts) => {
    expect(parse(given).data?.fangzhouVideoGeneration.downloadHosts).toEqual(hosts)
  })

  it.each(['http://minio', 'minio:9000', 'minio/bucket', 'a b'])('may not be %j', (given) => {
    expect(parse(given).error?.issues).toMatchObject([
      { path: ['fangzhouVideoGeneration', 'downloadHosts', 0], message: expect.stringContaining('must be a host') },
    ])
  })
})
