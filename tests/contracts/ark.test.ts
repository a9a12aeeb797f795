/**
 * Ark's contract: against the simulator, and against the provider itself where ARK_API_KEY and ARK_MODEL are set.
 * There, ARK_LIVE_MAX_CREATES (default 1; 0 for none) is how many videos may be made and charged for.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { markOf } from '@/provider-kit/definition/marks.js'
import type { ProviderEndpoint } from '@/provider-kit/provider/config.js'
import { createArkSimulator } from '@/tools/simulators/index.js'
import { createArkClient } from './ark-client.js'
import { arkContract, liveArk } from './ark-contract.js'

const MODEL = 'doubao-seedance-1-0-pro-250528'
const simulator = createArkSimulator({ latencyMs: 600_000, apiKey: 'the-key', models: [MODEL] })
const endpoint: ProviderEndpoint = {
  baseUrl: '',
  apiKey: 'the-key',
  model: MODEL,
  requestTimeoutMs: 30_000,
  simulated: true,
}
beforeAll(async () => {
  endpoint.baseUrl = (await simulator.start()).url
})
afterAll(() => simulator.stop())

arkContract('the simulator', () => endpoint, 1)

const live = liveArk(process.env)
if ('leftOut' in live) process.stdout.write(`${live.leftOut}\n`)
else {
  if (live.maxCreates < 1) process.stdout.write("not run: Ark's contract, live, making a video, as none may be made\n")
  arkContract('the provider', () => live.endpoint, live.maxCreates)
}

describe('the live provider', () => {
  it('is left out, by name, where the environment does not say how to reach it', () => {
    expect(liveArk({})).toEqual({ leftOut: "not run: Ark's contract, live; it needs ARK_API_KEY and ARK_MODEL" })
    expect(liveArk({ ARK_API_KEY: 'k' })).toEqual({ leftOut: expect.stringContaining('ARK_MODEL') })
  })

  it('is reached as it is configured, and asked for no more than it may', () => {
    const env = { ARK_API_KEY: 'k', ARK_MODEL: 'm' }
    expect(liveArk(env)).toMatchObject({ endpoint: { apiKey: 'k', model: 'm', simulated: false }, maxCreates: 1 })
    expect(liveArk({ ...env, ARK_LIVE_MAX_CREATES: '0' })).toMatchObject({ maxCreates: 0 })
  })
})

describe('the simulator’s faults mean to the client what they mean to a task', () => {
  const mark = markOf({ taskKey: 'k7Qx2', attempt: 1 })
  const create = (signal = AbortSignal.timeout(30_000)) =>
    createArkClient(endpoint).create({ prompt: 'A kite' }, { mark, deadlineSeconds: 3600 }, signal)

  it.each([
    ['rateLimited', { kind: 'unavailable', retryAfterSeconds: 1 }],
    ['rateLimitedWithoutDelay', { kind: 'unavailable', retryAfterSeconds: undefined }],
    ['quotaExceeded', { kind: 'unavailable', retryAfterSeconds: 300 }],
    ['overloaded', { kind: 'unavailable' }],
    ['accountOverdue', { code: 'AccountOverdueError', kind: 'refused' }],
    ['accessDenied', { code: 'AccessDenied', kind: 'refused' }],
    ['refuseAtCreate', { code: 'InputTextSensitiveContentDetected', kind: 'refused' }],
    ['failBeforeAccept', { code: 'InternalServiceError', kind: 'ambiguous' }],
    ['resetBeforeAccept', { code: 'NoAnswer', kind: 'ambiguous' }],
    ['acceptThenFail', { code: 'InternalServiceError', kind: 'ambiguous' }],
    ['acceptThenReset', { code: 'NoAnswer', kind: 'ambiguous' }],
    ['acceptThenTruncate', { code: 'NoAnswer', kind: 'ambiguous' }],
    ['acceptThenMalform', { code: 'UnreadableAnswer', kind: 'ambiguous' }],
  ] as const)('%s', async (fault, error) => {
    simulator.faults.set({ [fault]: 1 })
    await expect(create()).rejects.toMatchObject(error)
  })

  it.each(['hangBeforeAccept', 'acceptThenHang'] as const)('%s', async (fault) => {
    simulator.faults.set({ [fault]: 1 })
    await expect(create(AbortSignal.timeout(200))).rejects.toMatchObject({ code: 'NoAnswer', kind: 'ambiguous' })
  })

  it.each(['readRateLimited', 'readFail', 'readReset', 'readTruncate', 'readMalform'] as const)('%s', async (fault) => {
    const { id } = await create()
    const look = () => createArkClient(endpoint).get(id, AbortSignal.timeout(30_000))
    simulator.faults.set({ [fault]: 1 })
    await expect(look()).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await look()).toMatchObject({ id })
  })

  it('vanish', async () => {
    const { id } = await create()
    simulator.faults.set({ vanish: 1 })
    expect(await createArkClient(endpoint).get(id, AbortSignal.timeout(30_000))).toBeNull()
  })
})
