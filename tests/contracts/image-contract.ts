/** What every image provider has to do, whichever answers: a simulator, or a live one that is paid. */
import { fileTypeFromBuffer } from 'file-type'
import { expect } from 'vitest'
import { z } from 'zod'
import { measure } from '@/integrations/nanobanana2ImageGeneration/measure.js'
import type { GeneratedImages, ImageRequest } from '@/integrations/nanobanana2ImageGeneration/schemas.js'
import { drawPicture, encodePng } from '@/tools/simulators/picture.js'
import { generate, type ProviderUnderTest } from './image-client.js'

export interface ContractCase {
  name: string
  /** Images that it has made, and so what it costs. */
  creates: number
  run(provider: ProviderUnderTest): Promise<void>
}

export const LIVE_TIMEOUT_MS = 180_000
const PROMPT = 'A red kite in a blue sky, plain, few colours.'

/** The cheapest and most telling first: a limit of creates takes them from the start. */
export const imageContract: ContractCase[] = [
  {
    name: 'makes an image, of which it is known whether it is as it was asked for',
    creates: 1,
    async run(provider) {
      const request = { prompt: PROMPT, aspectRatio: '16:9', imageSize: '1K' } as const
      const measured = await expectImage(await generate(provider, request), request)
      expect(measured.asRequested).toBeTypeOf('boolean')
    },
  },
  {
    name: 'makes an image from another',
    creates: 1,
    async run(provider) {
      const reference = encodePng(drawPicture(64, 64, 1)).toString('base64')
      const request = { prompt: 'The same, brighter.', referenceImages: [`data:image/png;base64,${reference}`] }
      const measured = await expectImage(await generate(provider, request), request)
      expect(Math.min(measured.width, measured.height)).toBeGreaterThan(0)
    },
  },
  {
    name: 'refuses a wrong key',
    creates: 0,
    async run({ backend, endpoint }) {
      const failed = generate({ backend, endpoint: { ...endpoint, apiKey: 'sk-wrong-key' } }, { prompt: PROMPT })
      await expect(failed).rejects.toMatchObject({ name: 'ProviderError', kind: 'refused' })
    },
  },
  {
    name: 'refuses an unknown model',
    creates: 0,
    async run({ backend, endpoint }) {
      const failed = generate({ backend, endpoint: { ...endpoint, model: 'no-such-model' } }, { prompt: PROMPT })
      await expect(failed).rejects.toMatchObject({ name: 'ProviderError', kind: 'refused' })
    },
  },
]

export interface LivePlan {
  /** Absent where the environment does not say how to reach it. */
  provider?: ProviderUnderTest
  cases: ContractCase[]
  /** What is not asked of it, by name, and why. */
  leftOut: string[]
}

/** What is asked of a live provider: as much as may be paid for, IMAGE_LIVE_MAX_CREATES images, by default one. */
export function livePlan(env: NodeJS.ProcessEnv): LivePlan {
  const { IMAGE_API_KEY: apiKey, IMAGE_BASE_URL: baseUrl, IMAGE_MODEL: model } = env
  const leaveOut = (cases: ContractCase[], why: string) =>
    cases.map(({ name }) => `not run: the live image provider ${name} (${why})`)
  if (!apiKey || !baseUrl || !model) {
    const missing = ['IMAGE_API_KEY', 'IMAGE_BASE_URL', 'IMAGE_MODEL'].filter((name) => !env[name])
    return { cases: [], leftOut: leaveOut(imageContract, `it needs ${missing.join(' and ')}`) }
  }
  let left = z.coerce
    .number()
    .int()
    .min(0)
    .parse(env.IMAGE_LIVE_MAX_CREATES || 1)
  const cases: ContractCase[] = []
  for (const testCase of imageContract) {
    if (testCase.creates > left) continue
    left -= testCase.creates
    cases.push(testCase)
  }
  const tooMuch = imageContract.filter((testCase) => !cases.includes(testCase))
  return {
    provider: {
      backend: z.enum(['openai', 'gemini']).parse(env.IMAGE_BACKEND || 'openai'),
      endpoint: { baseUrl, apiKey, model, requestTimeoutMs: LIVE_TIMEOUT_MS, simulated: false },
    },
    cases,
    leftOut: leaveOut(tooMuch, 'IMAGE_LIVE_MAX_CREATES allows for no more'),
  }
}

async function expectImage({ images: [image], model }: GeneratedImages, request: ImageRequest) {
  expect(model).not.toBe('')
  const bytes = image instanceof URL ? new Uint8Array(await (await fetch(image)).arrayBuffer()) : image
  if (!bytes) throw new Error('There is no image')
  expect(await fileTypeFromBuffer(bytes)).toMatchObject({ mime: expect.stringMatching(/^image\//) })
  return measure(bytes, request)
}
