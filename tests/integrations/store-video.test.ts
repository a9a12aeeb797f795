/** Storing a finished video over connections that go silent, from links that expire. */
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import pino from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createArtifactStore } from '@/artifacts/index.js'
import { loadConfig } from '@/config/load.js'
import { createActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'

let server: Server
let origin: string
let artifactsDir: string
let answer: (path: string, response: ServerResponse) => void

beforeEach(async () => {
  artifactsDir = await mkdtemp(join(tmpdir(), 'store-video-'))
  server = createServer((request, response) => answer(request.url ?? '', response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(artifactsDir, { recursive: true, force: true })
})

/** @param requestTimeoutMs also for how long a download may be silent */
function storeVideo(requestTimeoutMs = 30_000): Promise<unknown> {
  const env = { ARK_SIMULATOR_URL: `${origin}/api/v3`, ARK_REQUEST_TIMEOUT_MS: String(requestTimeoutMs) }
  const { integrations } = loadConfig({ mode: 'local', env })
  const activities = createActivities({
    mainUrl: 'http://main',
    internalToken: 'token',
    artifacts: createArtifactStore({ dir: artifactsDir }, 'http://main'),
    integrations,
    providerPauses: createProviderPauses(),
    logger: pino({ level: 'silent' }),
  })
  return new MockActivityEnvironment().run(activities.storeResult, 'cgt-1', { taskKey: 'key', attempt: 1 })
}

function answerTask(response: ServerResponse, changes: object = {}): void {
  const content = { video_url: `${origin}/video.mp4` }
  response.end(JSON.stringify({ id: 'cgt-1', status: 'succeeded', content, ...changes }))
}

const MP4 = Buffer.from('000000186674797069736f6d0000020069736f6d69736f32', 'hex')
const now = () => Math.floor(Date.now() / 1000)

it('fails soon where the provider does not say where the video is', async () => {
  answer = () => {}
  await expect(storeVideo(300)).rejects.toThrow('got no answer: No end within 300 ms')
})

it('fails soon where the download does not begin', async () => {
  answer = (path, response) => path !== '/video.mp4' && answerTask(response)
  await expect(storeVideo(2000)).rejects.toThrow('Nothing came of the download for 2000 ms')
})

it('fails soon where the download stops half-way', async () => {
  answer = (path, response) => {
    if (path === '/video.mp4') response.writeHead(200, { 'content-length': '1000' }).write('half')
    else answerTask(response)
  }
  await expect(storeVideo(2000)).rejects.toThrow('Nothing came of the download for 2000 ms')
})

it('asks for the link afresh at the next try where it has expired', async () => {
  let link = 'old'
  answer = (path, response) => {
    if (path === '/old.mp4') response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>')
    else if (path === '/new.mp4') response.end(MP4)
    else answerTask(response, { content: { video_url: `${origin}/${link}.mp4` }, updated_at: now() - 100 })
  }
  await expect(storeVideo()).rejects.toMatchObject({ type: 'download_link_expired', nonRetryable: false })
  link = 'new'
  expect(await storeVideo()).toMatchObject({ video: { key: 'video-key-1.mp4', bytes: MP4.length } })
})

const over = { nonRetryable: true, details: [{ kind: 'refused', providerEnded: true }] }

it('gives up for good what the provider no longer keeps', async () => {
  answer = (path, response) => {
    if (path === '/video.mp4') response.writeHead(403).end()
    else answerTask(response, { updated_at: now() - 25 * 3600 })
  }
  await expect(storeVideo()).rejects.toMatchObject({ type: 'result_expired', ...over })
})

it('leaves it to the workflow what it means that the provider does not know the task', async () => {
  answer = (_, response) => {
    response.writeHead(404).end(JSON.stringify({ error: { code: 'ResourceNotFound', message: 'No such task' } }))
  }
  expect(await storeVideo()).toBeNull()
  expect(await readdir(artifactsDir)).toEqual([])
})

it('waits for the link for as long as there may be one', async () => {
  let endedAt = now() - 60
  answer = (_, response) => answerTask(response, { content: {}, updated_at: endedAt })
  await expect(storeVideo()).rejects.toMatchObject({ type: 'no_video', nonRetryable: false })
  endedAt = now() - 25 * 3600
  await expect(storeVideo()).rejects.toMatchObject({ type: 'result_expired', ...over })
})

it('stores nothing of a video that ends early', async () => {
  answer = (path, response) => {
    if (path !== '/video.mp4') answerTask(response)
    else response.writeHead(200, { 'content-length': '1000' }).write(MP4, () => response.destroy())
  }
  await expect(storeVideo()).rejects.toMatchObject({ type: 'download_failed', nonRetryable: false })
  expect(await readdir(artifactsDir)).toEqual([])
})
