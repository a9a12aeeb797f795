import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { HTTPException } from 'hono/http-exception'
import { imageSize } from 'image-size'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ImageResult, imageResultSchema } from '@/integrations/nanobanana2ImageGeneration/schemas.js'
import { stopPolling } from '@/provider-kit/workflow/manual-handles.js'
import { decodePng, encodePng } from '@/tools/simulators/picture.js'
import {
  type ImageBench,
  type ImageBenchOptions,
  imageRequest as request,
  withImageBench,
} from '../provider-kit/image-bench.js'
import { createTimeSkippingEnvironment, nextAttempt, statusesOf } from '../provider-kit/workflow-bench.js'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

const bench = (test: (bench: ImageBench) => Promise<void>, section: ImageBenchOptions = {}) =>
  withImageBench(env, section, test)

describe('an image', () => {
  it('is made, stored, measured and reported', () =>
    bench(async ({ run, main, gateway, artifactsDir }) => {
      const requestsAtReport: number[] = []
      main.onReport = () => requestsAtReport.push(gateway.requests.length)
      const outcome = await run<ImageResult>('imageGenerationWorkflow', { ...request, aspectRatio: '16:9' })

      expect(outcome).toMatchObject({ outcome: 'completed', attempt: 1 })
      if (outcome.outcome !== 'completed') return
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'completed'])
      expect(requestsAtReport).toEqual([0, 0, 1])
      expect(main.state).toMatchObject({ status: 'completed', result: outcome.result, openIntents: [] })
      expect(imageResultSchema.parse(outcome.result)).toEqual(outcome.result)

      const [image] = outcome.result.images
      expect(outcome.result.simulated).toBe(true)
      expect(image).toMatchObject({ mimeType: 'image/png', width: 512, height: 288, asRequested: true })
      const stored = await readFile(join(artifactsDir, image?.key ?? ''))
      expect(imageSize(stored)).toMatchObject({ type: 'png', width: 512, height: 288 })
    }))

  it('is made from another image', () =>
    bench(async ({ run, artifactsDir }) => {
      const red = encodePng({
        width: 30,
        height: 20,
        data: new Uint8Array(2400).map((_, i) => (i % 4 === 0 || i % 4 === 3 ? 255 : 0)),
      })
      const referenceImages = [`data:image/png;base64,${red.toString('base64')}`]
      const outcome = await run<ImageResult>('imageGenerationWorkflow', { ...request, referenceImages })
      expect(outcome).toMatchObject({ outcome: 'completed' })
      if (outcome.outcome !== 'completed') return
      const stored = await readFile(join(artifactsDir, outcome.result.images[0]?.key ?? ''))
      const colours = [...(decodePng(stored)?.data ?? [])]
      // Half of every pixel is the reference: much red, little green.
      expect(colours.filter((value, i) => i % 4 === 0 && value < 127)).toEqual([])
      expect(colours.filter((value, i) => i % 4 === 1 && value > 128)).toEqual([])
      expect(colours.length).toBeGreaterThan(0)
    }))

  it('is asked for again when the gateway says not now', () =>
    bench(async ({ run, main, gateway }) => {
      gateway.faults.set({ rateLimited: 2 })
      gateway.faults.retryAfterSeconds = 300
      expect(await run('imageGenerationWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(gateway.requests).toHaveLength(3)
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'waiting', 'completed'])
      expect(main.reports[2]).toMatchObject({ reason: { message: expect.stringContaining('rate limit') } })
    }))
})

it('that the gateway does not take is given up when an operator says so, with nothing open', () =>
  bench(async ({ start, main, gateway }) => {
    gateway.faults.set({ rateLimited: '100%' })
    gateway.faults.retryAfterSeconds = 300
    const handle = await start('imageGenerationWorkflow', request)
    await expect.poll(() => gateway.requests.length).toBe(1)
    await handle.signal(stopPolling, 'ada')
    const stopped = { outcome: 'failed', error: { code: 'polling_stopped' }, retryable: false, providerEnded: true }
    expect(await handle.result()).toMatchObject(stopped)
    expect(gateway.requests).toHaveLength(1)
    expect(main.state).toMatchObject({ status: 'failed', openIntents: [] })
  }))

describe('a refusal', () => {
  it.each([
    ['[refuse]', 'ContentPolicyViolationError'],
    ['[fail]', 'content_filter'],
  ])('of %s fails the task for good', (trigger, code) =>
    bench(async ({ run, main, gateway }) => {
      expect(await run('imageGenerationWorkflow', { prompt: trigger })).toMatchObject({
        outcome: 'failed',
        error: { code },
        retryable: false,
      })
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'failed'])
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, openIntents: [] })
      expect(gateway.requests).toHaveLength(1)
    }),
  )

  it('by main to begin spends nothing', () =>
    bench(async ({ run, main, gateway }) => {
      main.state = { ...main.state, attempts: 1 }
      expect(await run('imageGenerationWorkflow', request)).toMatchObject({ outcome: 'refused' })
      expect(gateway.requests).toEqual([])
    }))

  it('by main to go on, as the task was cancelled meanwhile, spends nothing', () =>
    bench(async ({ run, main, gateway }) => {
      main.onReport = ({ status }) => {
        if (status === 'processing') main.state = { ...main.state, status: 'cancelled' }
      }
      expect(await run('imageGenerationWorkflow', request)).toMatchObject({ outcome: 'refused' })
      expect(gateway.requests).toEqual([])
    }))
})

it('is lost to no older main, which does not know that a run may wait', () =>
  bench(async ({ run, main, gateway }) => {
    gateway.faults.set({ rateLimited: 2 })
    main.onReport = ({ status }) => {
      if (status === 'waiting') throw new HTTPException(400, { message: 'status: Invalid input' })
    }
    expect(await run('imageGenerationWorkflow', request)).toMatchObject({ outcome: 'completed' })
    // Told once, in vain, for both refusals.
    expect(statusesOf(main)).toEqual(['begin', 'processing', 'waiting', 'completed'])
  }))

it('leaves an answer without an image to the next attempt, with nothing open', () =>
  bench(async ({ run, main, gateway }) => {
    gateway.faults.set({ failAtFinish: 1 })
    const failed = { outcome: 'failed', error: { code: 'NO_IMAGE' }, retryable: true }
    expect(await run('imageGenerationWorkflow', request)).toMatchObject(failed)
    expect(gateway.requests).toHaveLength(1)
    expect(main.state).toMatchObject({ status: 'failed', retryable: true, openIntents: [] })
  }))

describe('an answer that was lost', () => {
  it.each(['acceptThenReset', 'acceptThenFail'])(
    '(%s) fails the task for good, and leaves it to an operator',
    (fault) =>
      bench(async ({ run, main, gateway }) => {
        gateway.faults.set({ [fault]: 1 })
        expect(await run('imageGenerationWorkflow', request)).toMatchObject({
          outcome: 'failed',
          error: { code: 'create_answer_lost' },
          retryable: false,
        })
        expect(gateway.requests).toHaveLength(1)
        expect(main.state).toMatchObject({ retryable: false, openIntents: [] })
      }),
  )

  it('in an earlier attempt does so too, before anything is spent', () =>
    bench(async ({ run, main, gateway }) => {
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 1 }] })
      expect(await run('imageGenerationWorkflow', request, 2)).toMatchObject({
        error: { code: 'create_answer_lost' },
        retryable: false,
      })
      expect(gateway.requests).toEqual([])
    }))

  it('is risked again where the configuration says so', () =>
    bench(
      async ({ run, main, gateway }) => {
        gateway.faults.set({ acceptThenReset: 1 })
        expect(await run('imageGenerationWorkflow', request)).toMatchObject({ outcome: 'failed', retryable: true })
        expect(main.state.openIntents).toMatchObject([{ attempt: 1 }])
        main.state = nextAttempt({ providerTask: null, openIntents: main.state.openIntents })
        expect(await run('imageGenerationWorkflow', request, 2)).toMatchObject({ outcome: 'completed' })
        expect(gateway.requests).toHaveLength(2)
      },
      { onAmbiguousCreate: 'retry' },
    ))
})
