/** Users' URLs that are passed on to a provider: none of them leads to a private network, whatever its name is. */
import { MockActivityEnvironment } from '@temporalio/testing'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createArtifactStore } from '@/artifacts/index.js'
import { loadConfig } from '@/config/load.js'
import type { AppConfig } from '@/config/schema.js'
import { createActivities as createVideoActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { createActivities as createImageActivities } from '@/integrations/nanobanana2ImageGeneration/activities/index.js'
import type { ActivityContext } from '@/provider-kit/activity-context.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { checkUserUrls, type UserUrlChecks } from '@/provider-kit/provider/user-urls.js'
import { resolving } from '../support/names.js'
import { type FakeProvider, startFakeProvider } from './fake-provider.js'

const lookup = resolving({
  'public.example.org': ['93.184.216.34', '2606:2800:220:1::1'],
  '127.0.0.1.nip.io': ['127.0.0.1'],
  'half.example.org': ['93.184.216.34', '10.0.0.1'],
  'mapped.example.org': ['::ffff:169.254.169.254'],
  'nothing.example.org': [],
  'slow.example.org': 'EAI_AGAIN',
  'pictures.example.internal': ['10.0.0.7'],
})
const refusal = (type: string) => ({ type, nonRetryable: true, details: [{ kind: 'refused', providerEnded: true }] })
const signal = new AbortController().signal

describe('checkUserUrls', () => {
  const check = (url: string, options: UserUrlChecks = {}) => checkUserUrls([url], signal, { lookup, ...options })

  it.each(['https://public.example.org/a.png?b=c', 'http://public.example.org.:8080/', 'http://8.8.8.8/'])(
    'lets %s pass',
    async (url) => expect(await check(url)).toBeUndefined(),
  )

  it.each([
    'http://127.0.0.1.nip.io/a.png',
    'http://half.example.org/',
    'http://mapped.example.org/',
    'http://nothing.example.org/',
    'http://main:3000/',
    'http://kubernetes.default.svc/',
    'http://metadata.google.internal/computeMetadata/v1/',
    'http://10.0.0.1/',
    'http://[::1]/',
    'ftp://public.example.org/',
  ])('refuses %s for good', async (url) => {
    await expect(check(url)).rejects.toMatchObject(refusal('url_not_allowed'))
    await expect(check(url)).rejects.not.toThrow('a.png')
  })

  it('refuses a name that there is not, and waits where that cannot be known', async () => {
    await expect(check('http://typo.example.org/')).rejects.toMatchObject({
      ...refusal('url_not_found'),
      message: 'There is no host typo.example.org',
    })
    await expect(check('http://slow.example.org/')).rejects.toMatchObject({
      type: 'url_unavailable',
      nonRetryable: false,
      details: [{ kind: 'unavailable' }],
    })
  })

  it('lets private hosts pass that the configuration names, and no other', async () => {
    const userUrlHosts = ['pictures.example.internal', 'minio']
    expect(await check('http://pictures.example.internal:9000/a.png', { userUrlHosts })).toBeUndefined()
    expect(await check('http://minio:9000/a.png', { userUrlHosts })).toBeUndefined()
    for (const url of ['http://a.pictures.example.internal/', 'http://main/', 'http://127.0.0.1.nip.io/']) {
      await expect(check(url, { userUrlHosts })).rejects.toMatchObject(refusal('url_not_allowed'))
    }
    await expect(check('ftp://minio/', { userUrlHosts })).rejects.toMatchObject(refusal('url_not_allowed'))
  })

  it('takes any where simulators stand in', async () => {
    expect(await check('http://localhost:3000/', { allowPrivateUrls: true })).toBeUndefined()
  })

  it('ends as it is told to, however long a name takes', async () => {
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const never = (() => queueMicrotask(() => controller.abort(reason))) as unknown as NonNullable<
      UserUrlChecks['lookup']
    >
    await expect(checkUserUrls(['http://public.example.org/'], controller.signal, { lookup: never })).rejects.toBe(
      reason,
    )
  })
})

describe('an activity asks its provider for nothing that would lead inside', () => {
  let provider: FakeProvider
  beforeEach(async () => {
    provider = await startFakeProvider({ body: { id: 'cgt-1' } })
  })
  afterEach(() => provider.stop())

  function context(env: Record<string, string>): ActivityContext<AppConfig['integrations']> {
    return {
      mainUrl: 'http://main',
      internalToken: 'token',
      artifacts: createArtifactStore({ dir: '.data/test-artifacts' }, 'http://main'),
      integrations: loadConfig({ mode: 'local', env }).integrations,
      providerPauses: createProviderPauses(),
      lookup,
      logger: pino({ level: 'silent' }),
    }
  }
  const activity = () => new MockActivityEnvironment()
  const key = { taskKey: 'key', attempt: 1 }

  function createVideo(request: object, more: Record<string, string> = {}): Promise<unknown> {
    const { baseUrl } = provider.endpoint
    const env = { ARK_API_KEY: 'the-key', ARK_BASE_URL: baseUrl, ARK_MODEL: 'the-model', ...more }
    const { create: createVideoTask } = createVideoActivities(context(env))
    return activity().run(createVideoTask, { prompt: 'A kite', ...request }, key, 'http://main/api/x/report')
  }

  function createImage(url: string, backend: string): Promise<unknown> {
    const { baseUrl } = provider.endpoint
    const env = { IMAGE_API_KEY: 'the-key', IMAGE_BASE_URL: baseUrl, IMAGE_MODEL: 'm', IMAGE_BACKEND: backend }
    const { createResult: generateImage } = createImageActivities(context(env))
    return activity().run(generateImage, { prompt: 'A kite', referenceImages: [url] }, key)
  }

  const inside = 'http://127.0.0.1.nip.io/a.png'

  it.each([
    { firstFrameUrl: inside },
    { firstFrameUrl: 'https://public.example.org/', lastFrameUrl: inside },
    { referenceImageUrls: ['https://public.example.org/', inside] },
    { referenceVideoUrls: [inside] },
    { referenceAudioUrls: [inside] },
  ])('of a video: %j', async (request) => {
    await expect(createVideo(request)).rejects.toMatchObject(refusal('url_not_allowed'))
    expect(provider.requests).toEqual([])
  })

  it.each(['openai', 'gemini'])('of an image, by %s', async (backend) => {
    await expect(createImage(inside, backend)).rejects.toMatchObject(refusal('url_not_allowed'))
    expect(provider.requests).toEqual([])
  })

  it('and for what leads outside, or to a host that the configuration names', async () => {
    const request = { firstFrameUrl: 'https://public.example.org/', lastFrameUrl: 'http://pictures.example.internal/' }
    const created = await createVideo(request, { ARK_USER_URL_HOSTS: 'minio, Pictures.Example.Internal' })
    expect(created).toBe('cgt-1')
  })
})
