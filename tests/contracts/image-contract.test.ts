/**
 * The contract of image providers, kept by the simulators, and by a live provider where the environment names one:
 * IMAGE_API_KEY, IMAGE_BASE_URL, IMAGE_MODEL, IMAGE_BACKEND. IMAGE_LIVE_MAX_CREATES limits what is paid for, default 1.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createGeminiSimulator,
  createImageGatewaySimulator,
  type FaultPlan,
  type Simulator,
} from '@/tools/simulators/index.js'
import { type Backend, generate, type ProviderUnderTest } from './image-client.js'
import { imageContract, LIVE_TIMEOUT_MS, type LivePlan, livePlan } from './image-contract.js'

const apiKey = 'the-key'
const model = 'the-model'
const simulators: Array<[Backend, Simulator]> = [
  ['openai', createImageGatewaySimulator({ latencyMs: 0, slowBodyMs: 50, apiKey, models: [model] })],
  ['gemini', createGeminiSimulator({ latencyMs: 0, slowBodyMs: 50, apiKey, models: [model] })],
]

describe.each(simulators)('the simulator for the backend %s', (backend, simulator) => {
  let provider: ProviderUnderTest
  beforeAll(async () => {
    const { url: baseUrl } = await simulator.start()
    provider = { backend, endpoint: { baseUrl, apiKey, model, requestTimeoutMs: 10_000, simulated: true } }
  })
  beforeEach(() => {
    simulator.faults.clear()
    simulator.requests.length = 0
  })
  afterAll(() => simulator.stop())

  it.each(imageContract.map((testCase) => [testCase.name, testCase] as const))('%s', async (_name, testCase) => {
    await testCase.run(provider)
    expect(simulator.requests.filter(({ created }) => created)).toHaveLength(testCase.creates)
  })

  it.each([
    [{ rateLimited: 1 }, { kind: 'unavailable', retryAfterSeconds: 1 }],
    [{ rateLimitedWithoutDelay: 1 }, { kind: 'unavailable', retryAfterSeconds: undefined }],
    [{ overloaded: 1 }, { kind: 'unavailable' }],
    [{ accessDenied: 1 }, { kind: 'refused' }],
    [{ refuseAtCreate: 1 }, { kind: 'refused' }],
    [{ refuseAtFinish: 1 }, { kind: 'refused' }],
    [{ failAtFinish: 1 }, { kind: 'ended' }],
    [{ failBeforeAccept: 1 }, { kind: 'ambiguous' }],
    [{ resetBeforeAccept: 1 }, { kind: 'ambiguous' }],
    [{ acceptThenFail: 1 }, { kind: 'ambiguous' }],
    [{ acceptThenReset: 1 }, { kind: 'ambiguous' }],
    [{ acceptThenTruncate: 1 }, { kind: 'ambiguous' }],
    [{ acceptThenMalform: 1 }, { kind: 'ambiguous' }],
  ] satisfies Array<[FaultPlan, object]>)('with %j leaves behind %j', async (faults, failure) => {
    simulator.faults.set(faults)
    await expect(generate(provider, { prompt: 'A kite' })).rejects.toMatchObject({ name: 'ProviderError', ...failure })
    expect(simulator.requests).toHaveLength(1)
  })

  it('with a quota that is used up is left alone for an hour or more', async () => {
    simulator.faults.set({ quotaExceeded: 1 })
    const failure = await generate(provider, { prompt: 'A kite' }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ kind: 'unavailable', retryAfterSeconds: expect.any(Number) })
    expect((failure as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThanOrEqual(3600)
  })

  it.each(['hangBeforeAccept', 'acceptThenHang'])(
    'with %s may have made an image when nobody waits any more',
    async (fault) => {
      simulator.faults.set({ [fault]: 1 })
      const caller = new AbortController()
      const failed = expect(generate(provider, { prompt: 'A kite' }, caller)).rejects.toMatchObject({
        kind: 'ambiguous',
      })
      await expect.poll(() => simulator.requests.length).toBe(1)
      caller.abort()
      await failed
    },
  )

  it('may answer slowly', async () => {
    simulator.faults.set({ acceptThenSlow: 1 })
    expect((await generate(provider, { prompt: 'A kite' })).images).toHaveLength(1)
  })
})

describe('of a live provider', () => {
  const env = { IMAGE_API_KEY: 'k', IMAGE_BASE_URL: 'https://gateway/v1', IMAGE_MODEL: 'm' }
  const creates = (plan: LivePlan) => plan.cases.reduce((sum, testCase) => sum + testCase.creates, 0)

  it('nothing is asked where the environment does not name one, and what is not is said by name', () => {
    const plan = livePlan({ IMAGE_API_KEY: 'k', IMAGE_MODEL: '' })
    expect(plan).toMatchObject({ cases: [] })
    expect(plan).not.toHaveProperty('provider')
    expect(plan.leftOut).toHaveLength(imageContract.length)
    expect(plan.leftOut[0]).toMatch(/makes an image.* \(it needs IMAGE_BASE_URL and IMAGE_MODEL\)$/)
  })

  it('no more is asked than may be paid for', () => {
    expect(creates(livePlan(env))).toBe(1)
    expect(livePlan(env).leftOut).toEqual([expect.stringContaining('from another (IMAGE_LIVE_MAX_CREATES')])
    expect(creates(livePlan({ ...env, IMAGE_LIVE_MAX_CREATES: '0' }))).toBe(0)
    expect(livePlan({ ...env, IMAGE_LIVE_MAX_CREATES: '2' })).toMatchObject({ cases: imageContract, leftOut: [] })
  })

  it('the backend is the one that is named', () => {
    expect(livePlan(env).provider?.backend).toBe('openai')
    expect(livePlan({ ...env, IMAGE_BACKEND: 'gemini' }).provider?.backend).toBe('gemini')
    expect(() => livePlan({ ...env, IMAGE_BACKEND: 'other' })).toThrow('gemini')
  })
})

const live = livePlan(process.env)
for (const line of live.leftOut) console.log(line)
const { provider } = live
if (provider) {
  describe('the live provider', () => {
    it.each(live.cases.map((testCase) => [testCase.name, testCase] as const))(
      '%s',
      (_name, testCase) => testCase.run(provider),
      LIVE_TIMEOUT_MS + 20_000,
    )
  })
}
