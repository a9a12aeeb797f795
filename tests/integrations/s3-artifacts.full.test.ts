/**
 * Results in a bucket, of a real S3-compatible service: see tests/support/s3-server.ts. One file, as they share that
 * service.
 */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { artifactsConfigSchema, type S3Config } from '@/artifacts/config.js'
import { createArtifactStore } from '@/artifacts/index.js'
import { createS3Client } from '@/artifacts/s3-client.js'
import { s3Failure } from '@/artifacts/s3-errors.js'
import { encodePng } from '@/tools/simulators/picture.js'
import { startTestMain } from '../support/main.js'
import { type S3Server, startS3Server } from '../support/s3-server.js'

const png = encodePng({ width: 2, height: 2, data: new Uint8Array(16).fill(255) })
const gif = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64')
const image = { media: 'image' as const, maxBytes: 10_000 }
const { signal } = new AbortController()

let server: S3Server
let client: S3Client
let s3: S3Config
/** Of this test alone: also among what is being received, which other tests on this machine do too. */
let name: string

beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.stop())

beforeEach(async () => {
  const bucket = `bucket-${randomUUID()}`
  name = `image-${randomUUID()}-1`
  s3 = bucketConfig({ bucket })
  client = createS3Client(s3)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
})

function bucketConfig(options: object): S3Config {
  const given = { endpoint: server.endpoint, ...server.credentials, ...options }
  const config = artifactsConfigSchema.parse({ s3: given }).s3
  if (!config) throw new Error('no bucket')
  return config
}

const store = (config = s3) => createArtifactStore({ dir: 'unused', s3: config }, 'http://main/')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Everything that is in the bucket, or on its way there. */
async function leftInBucket(): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: s3.bucket }))
  const uploads = client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket })).catch((error: Error) => {
    // This service's word for a bucket that has never had any.
    if (error.name === 'NoSuchUpload') return { Uploads: [] }
    throw error
  })
  const { Uploads = [] } = await uploads
  return [...Contents, ...Uploads].map(({ Key }) => Key ?? '')
}

/** What is still being received under this test's name. */
async function leftInFolder(): Promise<string[]> {
  return (await readdir(join(tmpdir(), 'interaqt-artifacts'))).filter((file) => file.includes(name))
}

async function stored(key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: key }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

it('stores the bytes with their type and their checksum', async () => {
  const artifact = await store().put(name, [png.subarray(0, 10), png.subarray(10)], image, signal)
  expect(artifact).toEqual({
    key: `${name}.png`,
    url: `http://main/artifacts/${name}.png`,
    mimeType: 'image/png',
    bytes: png.length,
    sha256: sha256(png),
  })
  expect(await leftInBucket()).toEqual([`artifacts/${name}.png`])
  expect(await stored(`artifacts/${name}.png`)).toEqual(png)
  const head = { Bucket: s3.bucket, Key: `artifacts/${name}.png`, ChecksumMode: 'ENABLED' } as const
  expect(await client.send(new HeadObjectCommand(head))).toMatchObject({
    ContentType: 'image/png',
    ContentLength: png.length,
    Metadata: { sha256: sha256(png) },
    ChecksumSHA256: createHash('sha256').update(png).digest('base64'),
  })
  expect(await leftInFolder()).toEqual([])
})

it('replaces what a first try stored, also under another extension', async () => {
  await store().put(name, [gif], image, signal)
  await store().put(name.replace(/1$/, '11'), [gif], image, signal)
  await store().put(name, [png], image, signal)
  const other = encodePng({ width: 3, height: 2, data: new Uint8Array(24) })
  await store().put(name, [other], image, signal)
  expect(await leftInBucket()).toEqual([`artifacts/${name}.png`, `artifacts/${name}1.gif`])
  expect(await stored(`artifacts/${name}.png`)).toEqual(other)
})

it('keeps what is large out of memory', async () => {
  const chunk = Buffer.alloc(64 * 1024)
  const chunks = 1_500
  // What is held counts, not what waits for the garbage collector.
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const held = async () => {
    collectGarbage()
    // Buffers are given back after the collection, in turns of their own.
    await setImmediate()
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const before = await held()
  const whileReceived: number[] = []
  const whileSent: Array<Promise<number>> = []
  async function* video() {
    yield Buffer.from('000000186674797069736f6d0000020069736f6d69736f32', 'hex')
    for (let i = 0; i < chunks; i++) {
      if (i % 300 === 299) whileReceived.push(await held())
      yield chunk
    }
  }
  let sampledAt = 0
  const wire = await startWire(server.endpoint, (_, sent) => {
    if (sent - sampledAt > 300 * chunk.length) {
      sampledAt = sent
      whileSent.push(held())
    }
    return true
  })
  const config = { ...s3, endpoint: wire.endpoint }
  const { bytes } = await store(config).put(name, video(), { media: 'video', maxBytes: 2 ** 30 }, signal)
  wire.close()
  expect(bytes).toBeGreaterThan(chunks * chunk.length)
  expect(Math.min(whileReceived.length, whileSent.length)).toBeGreaterThan(2)
  // On a busy machine more of it is on its way at once.
  const most = Math.max(...whileReceived, ...(await Promise.all(whileSent)))
  expect(most - before).toBeLessThan(bytes / 2)
})

it.each([
  ['is not what it should be', () => [png], { media: 'video' as const, maxBytes: 10_000 }, 'artifact_not_media'],
  ['is nothing known', () => [Buffer.from('<html>')], image, 'artifact_not_media'],
  ['is too large', () => [png, png], { ...image, maxBytes: png.length }, 'artifact_too_large'],
])('leaves nothing behind of what %s', async (_what, content, limits, type) => {
  await expect(store().put(name, content(), limits, signal)).rejects.toMatchObject({ type, nonRetryable: true })
  expect([await leftInBucket(), await leftInFolder()]).toEqual([[], []])
})

it('leaves nothing behind of what breaks off', async () => {
  const reason = new Error('broken off')
  async function* breaking() {
    yield png
    throw reason
  }
  await expect(store().put(name, breaking(), image, signal)).rejects.toBe(reason)
  expect([await leftInBucket(), await leftInFolder()]).toEqual([[], []])
})

it('leaves nothing behind of an upload that is called off half-way, and keeps what was there', async () => {
  await store().put(name, [gif], image, signal)
  const wire = await startClogging(server.endpoint, 100_000)
  try {
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const big = Buffer.concat([png, Buffer.alloc(20 * 1024 * 1024)])
    const limits = { media: 'image' as const, maxBytes: big.length }
    const config = { ...s3, endpoint: wire.endpoint }
    wire.clogged.then(() => controller.abort(reason))
    await expect(store(config).put(name, [big], limits, controller.signal)).rejects.toBe(reason)
  } finally {
    wire.close()
  }
  expect([await leftInBucket(), await leftInFolder()]).toEqual([[`artifacts/${name}.gif`], []])
})

it('sends again what did not arrive', async () => {
  const wire = await startClogging(server.endpoint, 100_000)
  wire.clogged.then((connection) => connection.destroy())
  const big = Buffer.concat([png, Buffer.alloc(1024 * 1024)])
  const limits = { media: 'image' as const, maxBytes: big.length }
  const { key } = await store({ ...s3, endpoint: wire.endpoint }).put(name, [big], limits, signal)
  wire.close()
  expect(sha256(await stored(`artifacts/${key}`))).toBe(sha256(big))
})

describe('tells before anything is spent', () => {
  it('that something can be stored, and leaves nothing of the trial', async () => {
    await store().prepare(signal)
    expect(await leftInBucket()).toEqual([])
  })

  const refused = { type: 'artifact_store_refused', nonRetryable: false, nextRetryDelay: 60_000 }
  const unavailable = { type: 'artifact_store_unavailable', nonRetryable: false }
  it.each<[string, () => S3Config, object, string]>([
    ['the bucket is missing', () => bucketConfig({ bucket: 'not-there' }), refused, 'NoSuchBucket'],
    [
      'the key is wrong',
      () => bucketConfig({ bucket: s3.bucket, secretAccessKey: 'another-secret-key' }),
      refused,
      'SignatureDoesNotMatch',
    ],
    [
      'the key is unknown',
      () => bucketConfig({ bucket: s3.bucket, accessKeyId: 'another-key-id' }),
      refused,
      'InvalidAccessKeyId',
    ],
    ['nobody answers', () => bucketConfig({ bucket: s3.bucket, endpoint: 'http://127.0.0.1:9' }), unavailable, 'ECONN'],
  ])('that %s', async (_what, config, expected, message) => {
    const failures = await Promise.all([
      store(config())
        .prepare(signal)
        .catch((error: unknown) => error),
      store(config())
        .put(name, [png], image, signal)
        .catch((error: unknown) => error),
    ])
    for (const failure of failures) {
      expect(failure).toMatchObject({ ...expected, message: expect.stringContaining(message) })
      const said = JSON.stringify(failure, ['message', 'type', 'cause', 'stack', 'details'])
      expect(said).not.toMatch(/test-secret-access-key|another-secret-key|test-access-key-id|another-key-id/)
    }
    expect(failures[0]).toMatchObject({ details: [{ kind: 'unavailable' }] })
    // What was made may have been paid for: asking for it again is not for free.
    expect(failures[1]).not.toMatchObject({ details: [{ kind: expect.anything() }] })
    expect(await leftInFolder()).toEqual([])
  })
})

it('ends as it is told to', async () => {
  const reason = new Error('cancelled')
  await expect(store().prepare(AbortSignal.abort(reason))).rejects.toBe(reason)
})

it('repeats no key, whatever a service says', () => {
  const { accessKeyId, secretAccessKey } = server.credentials
  const said = new Error(`${accessKeyId} with ${secretAccessKey} is not known`)
  expect(s3Failure(said, 'PutObject', s3).message).toBe(
    `s3:PutObject in the bucket ${s3.bucket}: Error: [key] with [key] is not known`,
  )
})

describe('main', () => {
  it('leads to the object by a link that soon expires', async () => {
    const { key } = await store().put(name, [png], image, signal)
    const main = await startTestMain({ artifacts: { s3 } })
    try {
      const url = `${main.url}/artifacts/${key}`
      const redirect = await fetch(url, { redirect: 'manual' })
      const location = redirect.headers.get('location') ?? ''
      expect([redirect.status, redirect.headers.get('cache-control')]).toEqual([302, 'no-store'])
      expect(location).toContain('X-Amz-Expires=300')
      expect(location).not.toContain(server.credentials.secretAccessKey)
      expect((await fetch(location.replace(name, 'image-other-1'))).status).toBe(403)

      const whole = await fetch(url)
      expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'image/png'])
      expect(sha256(new Uint8Array(await whole.arrayBuffer()))).toBe(sha256(png))
      const part = await fetch(url, { headers: { range: 'bytes=1-3' } })
      expect(await part.text()).toBe('PNG')
      const head = await fetch(url, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(png.length)])

      expect((await fetch(`${main.url}/artifacts/image-other-1.png`)).status).toBe(404)
      for (const path of ['backup.sql', 'private/image-a-1.png', '..%2fimage-a-1.png', '']) {
        const answer = await main.get(`/artifacts/${path}`)
        expect([path, answer.status, answer.body]).toEqual([path, 404, { success: false, error: 'Not found' }])
      }
    } finally {
      await main.stop()
    }
  })

  it('leads to where browsers reach the service', async () => {
    const main = await startTestMain({ artifacts: { s3: { ...s3, publicEndpoint: 'https://files.test' } } })
    const answer = await fetch(`${main.url}/artifacts/${name}.png`, { redirect: 'manual' })
    await main.stop()
    expect(answer.headers.get('location')).toContain(`https://files.test/${s3.bucket}/artifacts/${name}.png?`)
  })
})

/** A wire on which the first connection that has sent so much sends no more. */
async function startClogging(endpoint: string, afterBytes: number) {
  let clog = (_clogged: Socket) => {}
  const clogged = new Promise<Socket>((resolve) => {
    clog = resolve
  })
  let done = false
  const wire = await startWire(endpoint, (near, sent) => {
    if (done || sent <= afterBytes) return true
    done = true
    near.pause()
    clog(near)
    return false
  })
  return { ...wire, clogged }
}

/** A wire to a service, on which what is sent passes if `mayPass` says so, told how much one connection has sent. */
async function startWire(endpoint: string, mayPass: (near: Socket, sent: number) => boolean) {
  const { hostname, port } = new URL(endpoint)
  const wire = createServer((near) => {
    const far = connect(Number(port), hostname)
    let sent = 0
    near.on('data', (chunk) => {
      sent += chunk.length
      if (!mayPass(near, sent) || far.write(chunk)) return
      near.pause()
      far.once('drain', () => near.resume())
    })
    far.on('data', (chunk) => near.write(chunk))
    for (const socket of [near, far]) {
      socket
        .on('error', () => {})
        .on('close', () => {
          near.destroy()
          far.destroy()
        })
    }
  }).listen(0, '127.0.0.1')
  await once(wire, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(wire.address() as AddressInfo).port}`,
    close: () => wire.close(),
  }
}
