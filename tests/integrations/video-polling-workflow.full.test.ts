/**
 * The workflow of a video, from its create to its result, and each way that it can go wrong. One file, as they share
 * the bundle and the server, which take long.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type VideoResult, videoResultSchema } from '@/integrations/fangzhouVideoGeneration/schemas.js'
import {
  createEarlier,
  creates,
  videoRequest as request,
  seedOfAttempt,
  statusAt,
  type VideoBench,
  type VideoBenchOptions,
  withVideoBench,
} from '../provider-kit/video-bench.js'
import {
  createRealEnvironment,
  createTimeSkippingEnvironment,
  nextAttempt,
  statusesOf,
} from '../provider-kit/workflow-bench.js'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

function bench(
  test: (bench: VideoBench) => Promise<void>,
  { environment = env, ...options }: VideoBenchOptions & { environment?: TestWorkflowEnvironment } = {},
): Promise<void> {
  return withVideoBench(environment, options, test)
}

describe('a video', () => {
  it('is created, waited for, stored and reported', () =>
    bench(async ({ run, main, ark, artifactsDir }) => {
      const createsAtReport: number[] = []
      main.onReport = () => createsAtReport.push(creates(ark).length)
      const outcome = await run<VideoResult>('videoPollingWorkflow', request)

      expect(outcome).toMatchObject({ outcome: 'completed', attempt: 1 })
      if (outcome.outcome !== 'completed') return
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'completed'])
      // Nothing is created before begin; processing is said only of what was created.
      expect(createsAtReport).toEqual([0, 1, 1])
      expect(main.reports[1]).toMatchObject({ providerTask: { id: outcome.result.providerTaskId, attempt: 1 } })
      expect(main.state).toMatchObject({ status: 'completed', openIntents: [] })

      const { result } = outcome
      expect(main.state.result).toEqual(result)
      expect(videoResultSchema.parse(result)).toEqual(result)
      expect(result).toMatchObject({ simulated: true, ratio: '9:16', duration: 2, seed: seedOfAttempt(1) })
      expect(result.video).toMatchObject({ mimeType: 'video/mp4', key: 'video-k7Qx2-1.mp4' })
      expect(result.lastFrame).toMatchObject({ mimeType: 'image/png' })
      const stored = await readFile(join(artifactsDir, result.video.key))
      expect(stored.length).toBe(result.video.bytes)
      expect(createHash('sha256').update(stored).digest('hex')).toBe(result.video.sha256)
      expect(result.video.url).toBe(`${main.url}/artifacts/${result.video.key}`)
      expect((await readdir(artifactsDir)).sort()).toEqual(['last-frame-k7Qx2-1.png', 'video-k7Qx2-1.mp4'])
    }))

  it('is waited for through polls that fail', () =>
    bench(async ({ run, main, ark }) => {
      main.onReport = (report) => {
        if (report.status === 'processing') ark.faults.set({ readFail: 3 })
      }
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(ark.faults.plan).toEqual({})
      expect(creates(ark)).toHaveLength(1)
    }))

  it('is created later when the provider says not now', () =>
    bench(async ({ run, main, ark }) => {
      ark.faults.set({ rateLimited: 2 })
      ark.faults.retryAfterSeconds = 120
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(3)
      expect(statusesOf(main)).toEqual(['begin', 'waiting', 'processing', 'completed'])
    }))

  it('tells people what it waits for while no poll is answered, and when it goes on', () =>
    bench(async ({ run, main, ark }) => {
      // Each look takes five requests before it is given up.
      main.onReport = (report) => {
        if (report.status === 'processing') ark.faults.set({ readFail: 12 })
      }
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'waiting', 'resumed', 'completed'])
      expect(main.reports[2]).toMatchObject({ reason: { code: 'InternalServiceError' } })
    }))
})

describe('a refusal', () => {
  it("of the prompt fails the task for good, in the provider's words", () =>
    bench(async ({ run, main, ark }) => {
      expect(await run('videoPollingWorkflow', { ...request, prompt: 'No. [refuse]' })).toMatchObject({
        outcome: 'failed',
        error: { code: 'InputTextSensitiveContentDetected', message: expect.stringContaining('sensitive') },
        retryable: false,
      })
      expect(statusesOf(main)).toEqual(['begin', 'failed'])
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, openIntents: [] })
      expect(creates(ark)).toHaveLength(1)
    }))

  it('of the video that was made fails the task for good', () =>
    bench(async ({ run, main }) => {
      expect(await run('videoPollingWorkflow', { ...request, prompt: 'Hm. [fail]' })).toMatchObject({
        outcome: 'failed',
        error: { code: 'OutputVideoSensitiveContentDetected' },
        retryable: false,
      })
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'failed'])
      expect(main.state.providerTask).toBeNull()
    }))

  it('by main to begin spends nothing', () =>
    bench(async ({ run, main, ark }) => {
      main.state = { ...main.state, runId: 'another-run' }
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'refused', attempt: 1 })
      expect(ark.requests).toEqual([])
      expect(statusesOf(main)).toEqual(['begin'])
    }))

  it('by main, as another run took over, leaves what was created to that one', () =>
    bench(async ({ run, main, ark }) => {
      main.onReport = (report) => {
        if (report.status === 'processing') main.state = { ...main.state, runId: 'another-run' }
      }
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'refused' })
      expect(ark.requests.map(({ method }) => method)).toEqual(['POST'])
    }))

  it('by main to go on, as the task was cancelled, cancels what was created', () =>
    bench(
      async ({ run, main, ark }) => {
        main.onReport = (report) => {
          if (report.status === 'processing') main.state = { ...main.state, status: 'cancelled' }
        }
        expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'refused' })
        expect(ark.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'DELETE'])
        expect(statusesOf(main)).toEqual(['begin', 'processing'])
      },
      { latencyMs: 600_000 },
    ))
})

describe('a create whose answer was lost', () => {
  it('is found by its mark, and not repeated', () =>
    bench(async ({ run, main, ark }) => {
      ark.faults.set({ acceptThenReset: 1 })
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(1)
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'completed'])
    }))

  it('is found among those that wait for a cheaper hour, too', () =>
    bench(async ({ run, ark }) => {
      ark.faults.set({ acceptThenReset: 1 })
      const patient = { ...request, serviceTier: 'flex' }
      expect(await run('videoPollingWorkflow', patient)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(1)
    }))

  it('is repeated once the provider certainly has nothing', () =>
    bench(async ({ run, ark, env }) => {
      ark.faults.set({ failBeforeAccept: 1 })
      const before = await env.currentTimeMs()
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(2)
      // The request's own time-out and a minute more.
      expect((await env.currentTimeMs()) - before).toBeGreaterThanOrEqual(120_000)
    }))

  it('is found where the list lacked it at first, as it was still on its way', async () => {
    const environment = await createRealEnvironment()
    await bench(
      async ({ start, ark, arkUrl }) => {
        ark.faults.set({ hangBeforeAccept: 1 })
        const handle = await start('videoPollingWorkflow', request)
        const looks = () => ark.requests.filter(({ method, status }) => method === 'GET' && status === 200)
        // Both tiers have been read.
        await expect.poll(() => looks().length).toBeGreaterThan(1)
        const id = await createEarlier(arkUrl, 'late', seedOfAttempt(1))
        expect(await handle.result()).toMatchObject({ outcome: 'completed', result: { providerTaskId: id } })
        expect(creates(ark).filter(({ created }) => created)).toHaveLength(1)
      },
      { requestTimeoutMs: 2000, settleSeconds: 60, environment },
    )
    await environment.teardown()
  })

  it('is looked for once more where the list was asked for before it certainly would have come', () =>
    bench(
      async ({ start, ark }) => {
        ark.faults.set({ failBeforeAccept: 1, readSlow: '100%' })
        const handle = await start('videoPollingWorkflow', request)
        expect(await handle.result()).toMatchObject({ outcome: 'completed' })
        const { events } = await handle.fetchHistory()
        const lookUps = (events ?? [])
          .filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'lookUp')
          .map(({ eventTime }) => Number(eventTime?.seconds) + Number(eventTime?.nanos) / 1e9)
        // The second one's slow answer comes after the margin of 12 s, and tells of a time before its end.
        expect((lookUps.at(-1) ?? 0) - (lookUps[0] ?? 0)).toBeGreaterThanOrEqual(12)
      },
      { requestTimeoutMs: 6000, settleSeconds: 6, slowBodyMs: 600 },
    ))

  it('is not taken for nothing while the provider cannot be asked', () =>
    bench(async ({ run, ark }) => {
      ark.faults.set({ acceptThenReset: 1, readFail: 4 })
      expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(1)
    }))
})

it('copies a video, which is paid for, however often that fails', () =>
  bench(async ({ run, ark, main }) => {
    ark.faults.set({ fileGone: 20 })
    expect(await run('videoPollingWorkflow', request)).toMatchObject({ outcome: 'completed', attempt: 1 })
    expect(ark.requests.filter(({ path }) => path.includes('/files/')).length).toBeGreaterThan(20)
    expect(creates(ark)).toHaveLength(1)
    expect(main.state).toMatchObject({ status: 'completed', attempts: 1 })
  }))

describe('a second attempt', () => {
  it('resumes the task that the first one had created', () =>
    bench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier')
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
      const outcome = await run('videoPollingWorkflow', request, 2)
      expect(outcome).toMatchObject({ outcome: 'completed', attempt: 2, result: { providerTaskId: id } })
      expect(creates(ark)).toHaveLength(1)
      expect(main.reports[1]).toMatchObject({ status: 'processing', providerTask: { id, attempt: 1 } })
    }))

  it('creates anew where that task has failed', () =>
    bench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier [fail]')
      await expect.poll(() => statusAt(arkUrl, id)).toBe('failed')
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
      expect(await run('videoPollingWorkflow', request, 2)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(2)
      expect(main.reports[1]).toMatchObject({ status: 'processing', providerTask: { attempt: 2 } })
    }))

  it('looks for what the first one may have created', () =>
    bench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier', seedOfAttempt(1))
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      const outcome = await run('videoPollingWorkflow', request, 2)
      expect(outcome).toMatchObject({ outcome: 'completed', result: { providerTaskId: id } })
      expect(creates(ark)).toHaveLength(1)
      expect(main.reports[1]).toMatchObject({ providerTask: { id, attempt: 1 } })
    }))
})

it('cancels its task at the provider when the run is cancelled', async () => {
  const environment = await createRealEnvironment()
  await bench(
    async ({ start, main, ark }) => {
      const handle = await start('videoPollingWorkflow', request)
      await expect.poll(() => ark.requests.some(({ method }) => method === 'GET')).toBe(true)
      await handle.cancel()
      expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'cancelled' }, retryable: false })
      expect(ark.requests.at(-1)).toMatchObject({ method: 'DELETE' })
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'failed'])
    },
    { latencyMs: 600_000, environment },
  )
  await environment.teardown()
})
