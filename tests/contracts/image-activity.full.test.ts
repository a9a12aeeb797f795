/** What becomes of a provider's answer: images that are stored and measured, failures that say what to do next. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CancelledFailure } from '@temporalio/activity'
import { MockActivityEnvironment } from '@temporalio/testing'
import { imageSize } from 'image-size'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { artifactsConfigSchema } from '@/artifacts/config.js'
import { type ArtifactStore, createArtifactStore } from '@/artifacts/index.js'
import { loadConfig } from '@/config/load.js'
import { createActivities } from '@/integrations/nanobanana2ImageGeneration/activities/index.js'
import { measure } from '@/integrations/nanobanana2ImageGeneration/measure.js'
import { type ImageRequest, imageResultSchema } from '@/integrations/nanobanana2ImageGeneration/schemas.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { createGeminiSimulator, createImageGatewaySimulator, type Simulator } from '@/tools/simulators/index.js'
import { encodePng } from '@/tools/simulators/picture.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from '../provider-kit/fake-provider.js'
import { eventually } from '../support/eventually.js'

let dir: string
const stops: Array<() => Promise<void>> = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'image-activity-'))
})
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()))
  await rm(dir, { recursive: true, force: true })
})

interface Surroundings {
  artifacts?: ArtifactStore
  activity?: MockActivityEnvironment
}

async function generateImage(
  env: Record<string, string>,
  request: Partial<ImageRequest> = {},
  {
    artifacts = createArtifactStore({ dir }, 'http://main'),
    activity = new MockActivityEnvironment(),
  }: Surroundings = {},
) {
  const { integrations } = loadConfig({ mode: 'local', env })
  const { createResult } = createActivities({
    mainUrl: 'http://main',
    internalToken: 'token',
    artifacts,
    integrations,
    providerPauses: createProviderPauses(),
    logger: pino({ level: 'silent' }),
  })
  const key = { taskKey: 'key', attempt: 1 }
  const result = await activity.run(createResult, { prompt: 'A kite', ...request }, key)
  expect(imageResultSchema.parse(result)).toEqual(result)
  return imageResultSchema.parse(result)
}

async function simulating(simulator: Simulator, backend = 'openai'): Promise<Record<string, string>> {
  const { url } = await simulator.start()
  stops.push(() => simulator.stop())
  return { IMAGE_BACKEND: backend, IMAGE_SIMULATOR_URL: url }
}

async function answering(answer: PreparedAnswer, apiKey = 'the-key'): Promise<Record<string, string>> {
  const provider = await startFakeProvider(answer)
  stops.push(() => provider.stop())
  return { IMAGE_API_KEY: apiKey, IMAGE_BASE_URL: provider.endpoint.baseUrl, IMAGE_MODEL: 'the-model' }
}

const blank = (width: number, height: number) =>
  encodePng({ width, height, data: new Uint8Array(width * height * 4).fill(200) })
const says = (...images: Uint8Array[]): PreparedAnswer => {
  const urls = images.map((bytes) => `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`)
  return { body: { model: 'm', choices: [{ message: { images: urls } }] } }
}

describe('an image', () => {
  it.each([
    ['openai', () => createImageGatewaySimulator({ latencyMs: 0 })],
    ['gemini', () => createGeminiSimulator({ latencyMs: 0 })],
  ] as const)('by %s is stored and measured', async (backend, create) => {
    const result = await generateImage(await simulating(create(), backend), { aspectRatio: '16:9' })
    expect(result).toMatchObject({ simulated: true, usage: { totalTokens: expect.any(Number) } })
    const [image] = result.images
    expect(image).toMatchObject({ key: 'image-key-1.png', mimeType: 'image/png', asRequested: true })
    const { width, height } = imageSize(await readFile(join(dir, image?.key ?? '')))
    expect(image).toMatchObject({ width, height })
  })

  it('is what its bytes are, whatever the gateway calls it; each has a name of its own', async () => {
    const { images } = await generateImage(await answering(says(blank(4, 4), blank(8, 4))))
    expect(images).toMatchObject([
      { key: 'image-key-1.png', mimeType: 'image/png', width: 4, height: 4 },
      { key: 'image2-key-1.png', mimeType: 'image/png', width: 8, height: 4 },
    ])
    expect(images[0]).not.toHaveProperty('asRequested')
  })

  it('that is only linked to is downloaded, and once more if that breaks off', async () => {
    const gateway = createImageGatewaySimulator({ latencyMs: 0, answerShape: 'link' })
    gateway.faults.set({ downloadTruncate: 1 })
    const { images } = await generateImage(await simulating(gateway))
    expect(images).toMatchObject([{ mimeType: 'image/png', width: 512, height: 512 }])
    expect(gateway.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  it('keeps its bytes, whatever they hold, and however large it is', async () => {
    const apiKey = 'aZ9/provider+key_half-Q7.x2='
    const large = Buffer.concat([blank(64, 64), Buffer.alloc(15 * 1024 ** 2, 1), Buffer.from(apiKey)])
    const { images } = await generateImage(await answering(says(large), apiKey))
    expect((await readFile(join(dir, images[0]?.key ?? ''))).equals(large)).toBe(true)
  })

  it('that is none is paid for, and not paid for again', async () => {
    await expect(generateImage(await answering(says(Buffer.from('a text'))))).rejects.toMatchObject({
      type: 'not_an_image',
      nonRetryable: true,
      details: [{ kind: 'refused', providerEnded: true }],
    })
  })
})

describe('what was asked for is compared with what came', () => {
  it.each([
    [{}, [1024, 1024], undefined, undefined],
    [{ aspectRatio: '16:9' }, [1344, 768], true, undefined],
    [{ aspectRatio: '16:9' }, [1024, 1024], false, ['aspectRatio']],
    [{ aspectRatio: '9:16' }, [1344, 768], false, ['aspectRatio']],
    [{ imageSize: '1K' }, [1584, 672], true, undefined],
    [{ imageSize: '2K' }, [2752, 1536], true, undefined],
    [{ imageSize: '4K' }, [1024, 1024], false, ['imageSize']],
    [{ aspectRatio: '1:1', imageSize: '1K' }, [1024, 1024], true, undefined],
    [{ aspectRatio: '1:1', imageSize: '1K' }, [2752, 1536], false, ['aspectRatio', 'imageSize']],
  ] as const)('%j and %j', (request, [width, height], asRequested, mismatch) => {
    const measured = measure(blank(width, height), { prompt: 'A kite', ...request })
    expect(measured).toEqual({ width, height, asRequested, mismatch })
  })

  it('and the result says so', async () => {
    const gateway = createImageGatewaySimulator({ latencyMs: 0 })
    gateway.faults.set({ wrongSize: 1 })
    const { images } = await generateImage(await simulating(gateway), { aspectRatio: '16:9' })
    expect(images).toMatchObject([{ asRequested: false, mismatch: ['aspectRatio'] }])
  })
})

it('what came at the last moment is stored all the same', async () => {
  const gateway = createImageGatewaySimulator({ latencyMs: 0, answerShape: 'link' })
  gateway.faults.set({ downloadTruncate: 2 })
  // The two pauses before the third download are longer than the request may take.
  const env = { ...(await simulating(gateway)), IMAGE_REQUEST_TIMEOUT_MS: '1500' }
  expect((await generateImage(env)).images).toHaveLength(1)
})

describe('a failure', () => {
  it('has the code, the words and the delay of the provider, and no key', async () => {
    const error = { code: '429', type: 'throttling_error', message: 'Key AIza-secret has had enough' }
    const answer = { status: 429, body: { error }, headers: { 'retry-after': '9' } }
    const failure = await generateImage(await answering(answer, 'AIza-secret')).catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({
      type: 'throttling_error',
      message: 'Key [key] has had enough',
      nonRetryable: false,
      nextRetryDelay: 9000,
      details: [{ kind: 'unavailable', retryAfterSeconds: 9 }],
    })
    expect(JSON.stringify(failure)).not.toContain('AIza-secret')
  })

  it('for good says so', async () => {
    const gateway = createImageGatewaySimulator({ latencyMs: 0 })
    await expect(generateImage(await simulating(gateway), { prompt: '[refuse]' })).rejects.toMatchObject({
      type: 'ContentPolicyViolationError',
      nonRetryable: true,
      details: [{ kind: 'refused', providerEnded: true }],
    })
  })

  it('to answer in time leaves behind that an image may have been made', async () => {
    const gemini = createGeminiSimulator({ latencyMs: 0 })
    gemini.faults.set({ acceptThenHang: 1 })
    const env = { ...(await simulating(gemini, 'gemini')), IMAGE_REQUEST_TIMEOUT_MS: '2000' }
    await expect(generateImage(env)).rejects.toMatchObject({
      message: expect.stringContaining('No end within 2000 ms'),
      details: [{ kind: 'ambiguous' }],
    })
  })

  describe('to make the request ready in time leaves nothing behind', () => {
    let gemini: Simulator
    let env: Record<string, string>
    let hanging: FakeProvider
    beforeEach(async () => {
      gemini = createGeminiSimulator({ latencyMs: 0 })
      env = { ...(await simulating(gemini, 'gemini')), IMAGE_REQUEST_TIMEOUT_MS: '2000' }
      hanging = await startFakeProvider('hang')
      stops.push(() => hanging.stop())
    })
    const unavailable = { type: 'preparation_failed', nonRetryable: false, details: [{ kind: 'unavailable' }] }

    it('where a reference image does not come', async () => {
      const referenceImages = [hanging.endpoint.baseUrl]
      await expect(generateImage(env, { referenceImages })).rejects.toMatchObject(unavailable)
      expect(gemini.requests).toEqual([])
    })

    it('where the storage does not answer', async () => {
      const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' }
      const { s3 } = artifactsConfigSchema.parse({
        s3: { bucket: 'b', endpoint: hanging.endpoint.baseUrl, ...credentials },
      })
      const artifacts = createArtifactStore({ dir, ...(s3 && { s3 }) }, 'http://main')
      await expect(generateImage(env, {}, { artifacts })).rejects.toMatchObject(unavailable)
      expect(gemini.requests).toEqual([])
    })

    it('where the storage does not even listen to being stopped', async () => {
      const artifacts = { ...createArtifactStore({ dir }, 'http://main'), prepare: () => new Promise<void>(() => {}) }
      await expect(generateImage(env, {}, { artifacts })).rejects.toMatchObject(unavailable)
      expect(gemini.requests).toEqual([])
    })

    it('unless it is the run that was cancelled meanwhile', async () => {
      const activity = new MockActivityEnvironment()
      const referenceImages = [hanging.endpoint.baseUrl]
      const patient = { ...env, IMAGE_REQUEST_TIMEOUT_MS: '600000' }
      const failed = expect(generateImage(patient, { referenceImages }, { activity })).rejects.toThrow(CancelledFailure)
      await eventually(() => expect(hanging.requests).toHaveLength(1))
      activity.cancel()
      await failed
    })
  })

  it('before money is spent asks the provider for nothing', async () => {
    const gemini = createGeminiSimulator({ latencyMs: 0 })
    const env = await simulating(gemini, 'gemini')
    const referenceImages = [`data:image/png;base64,${Buffer.from('a text').toString('base64')}`]
    await expect(generateImage(env, { referenceImages })).rejects.toMatchObject({
      type: 'reference_not_an_image',
      nonRetryable: true,
    })
    expect(gemini.requests).toEqual([])
  })
})
