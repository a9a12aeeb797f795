import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { artifactName } from '@/artifacts/artifact.js'
import { createArtifactStore } from '@/artifacts/index.js'
import { encodePng } from '@/tools/simulators/picture.js'

const png = encodePng({ width: 2, height: 2, data: new Uint8Array(16).fill(255) })
const gif = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64')
const image = { media: 'image' as const, maxBytes: 10_000 }
const { signal } = new AbortController()
let artifactsDir: string
beforeEach(async () => {
  artifactsDir = join(await mkdtemp(join(tmpdir(), 'artifacts-')), 'not', 'there')
})
afterEach(() => rm(join(artifactsDir, '..', '..'), { recursive: true, force: true }))

const store = () => createArtifactStore({ dir: artifactsDir }, 'http://main/')

it('stores the bytes, and says what they are', async () => {
  const halves = [png.subarray(0, 10), png.subarray(10)]
  expect(await store().put('image-a-1', halves, image, signal)).toEqual({
    key: 'image-a-1.png',
    url: 'http://main/artifacts/image-a-1.png',
    mimeType: 'image/png',
    bytes: png.length,
    sha256: createHash('sha256').update(png).digest('hex'),
  })
  expect(await readFile(join(artifactsDir, 'image-a-1.png'))).toEqual(png)
})

it('replaces what a first try stored', async () => {
  await store().put('image-a-1', [png], image, signal)
  const other = encodePng({ width: 3, height: 2, data: new Uint8Array(24) })
  await store().put('image-a-1', [other], image, signal)
  expect(await readdir(artifactsDir)).toEqual(['image-a-1.png'])
  expect(await readFile(join(artifactsDir, 'image-a-1.png'))).toEqual(other)
})

it('replaces what a first try stored as something else, and no other attempt', async () => {
  await store().put('image-a-1', [gif], image, signal)
  await store().put('image-a-11', [gif], image, signal)
  await store().put('image-a-1', [png], image, signal)
  expect((await readdir(artifactsDir)).sort()).toEqual(['image-a-1.png', 'image-a-11.gif'])
})

it('leaves nothing of a try that was killed while it received', async () => {
  await mkdir(artifactsDir, { recursive: true })
  for (const name of ['image-a-1', 'image-a-2']) await writeFile(join(artifactsDir, `.${name}.some-id.part`), 'half')
  await store().put('image-a-1', [png], image, signal)
  expect((await readdir(artifactsDir)).sort()).toEqual(['.image-a-2.some-id.part', 'image-a-1.png'])
})

it('stores nothing any more once it is called off', async () => {
  await store().put('image-a-1', [gif], image, signal)
  const controller = new AbortController()
  const reason = new Error('cancelled')
  async function* calledOff() {
    yield png
    controller.abort(reason)
  }
  await expect(store().put('image-a-1', calledOff(), image, controller.signal)).rejects.toBe(reason)
  expect(await readdir(artifactsDir)).toEqual(['image-a-1.gif'])
})

it.each([
  ['audio', Buffer.from(`fffb9064${'00'.repeat(60)}`, 'hex'), 'mp3', 'audio/mpeg'],
  ['a PDF', Buffer.from('%PDF-1.7\n%âãÏÓ\n1 0 obj'), 'pdf', 'application/pdf'],
  ['JSON', Buffer.from(' {"words": [1, 2]}\n'), 'json', 'application/json'],
  ['what is no JSON after all', Buffer.from('{"words": [1, 2'), 'txt', 'text/plain'],
  ['a text', Buffer.from('Größe: 3 €'.repeat(1000)), 'txt', 'text/plain'],
  ['a page, which is never shown as one', Buffer.from('<html><script>1</script>'), 'txt', 'text/plain'],
  ['what nobody knows', Buffer.from([0, 1, 2, 3, 250]), 'bin', 'application/octet-stream'],
])('stores %s as what its bytes are, where any type will do', async (_what, bytes, extension, mimeType) => {
  const key = `result-a-1.${extension}`
  expect(await store().put('result-a-1', [bytes], { maxBytes: 100_000 }, signal)).toMatchObject({ key, mimeType })
  expect(await readFile(join(artifactsDir, key))).toEqual(bytes)
})

it.each([
  ['is not what it should be', [png], { media: 'video' as const, maxBytes: 10_000 }, 'artifact_not_media'],
  ['is nothing known', [Buffer.from('<html>')], image, 'artifact_not_media'],
  ['is empty', [], image, 'artifact_not_media'],
  ['is too large', [png, png], { ...image, maxBytes: png.length }, 'artifact_too_large'],
])('leaves nothing behind of what %s', async (_what, content, limits, type) => {
  await expect(store().put('a', content, limits, signal)).rejects.toMatchObject({ type, nonRetryable: true })
  expect(await readdir(artifactsDir)).toEqual([])
})

it('leaves nothing behind of what breaks off', async () => {
  async function* breaking() {
    yield png
    throw new Error('broken off')
  }
  await expect(store().put('a', breaking(), image, signal)).rejects.toThrow('broken off')
  expect(await readdir(artifactsDir)).toEqual([])
})

it('tells before anything is spent that nothing can be stored', async () => {
  await store().prepare(signal)
  expect(await readdir(artifactsDir)).toEqual([])
  await rm(artifactsDir, { recursive: true })
  await writeFile(artifactsDir, 'a file where the folder should be')
  const refused = { type: 'artifact_store_refused', nonRetryable: false }
  await expect(store().prepare(signal)).rejects.toMatchObject({ ...refused, details: [{ kind: 'unavailable' }] })
  await expect(store().put('image-a-1', [png], image, signal)).rejects.toMatchObject(refused)
})

it('names an object by its attempt, and by nothing that leads out of the folder', () => {
  expect(artifactName('video', { taskKey: 'k7Qx2', attempt: 3 })).toBe('video-k7Qx2-3')
  expect(artifactName('video', { taskKey: '../../x', attempt: 1 })).toBe('video-______x-1')
})
