/**
 * A run that is cancelled in each of its phases: on a real server, as the time-skipping one loses its place then. One
 * file, as they share the server and the bundle.
 */
import { readdir } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunProgress } from '@/protocol/run-handles.js'
import { progressQuery } from '@/provider-kit/workflow/manual-handles.js'
import { type ImageBench, type ImageBenchOptions, imageRequest, withImageBench } from '../provider-kit/image-bench.js'
import {
  createEarlier,
  creates,
  seedOfAttempt,
  statusAt,
  type VideoBench,
  type VideoBenchOptions,
  videoRequest,
  withVideoBench,
} from '../provider-kit/video-bench.js'
import {
  createRealEnvironment,
  nextAttempt,
  type RecordingMain,
  statusesOf,
  type WorkflowBench,
} from '../provider-kit/workflow-bench.js'
import { eventually } from '../support/eventually.js'

type Handle = Awaited<ReturnType<WorkflowBench['start']>>

const HOUR_MS = 3600_000

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createRealEnvironment()
})
afterAll(() => env.teardown())

/** Cancels the run, and sees it end as cancelled. */
async function cancel(handle: Handle): Promise<void> {
  await handle.cancel()
  expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'cancelled' }, retryable: false })
}

/** Main does not answer this report until it is released. */
function holdReport(main: RecordingMain, status: string) {
  const release = new AbortController()
  const held = new Promise((resolve) => release.signal.addEventListener('abort', resolve))
  main.onReport = (report) => (report.status === status ? held : undefined)
  return {
    reached: () => eventually(() => expect(statusesOf(main)).toContain(status)),
    release: () => release.abort(),
  }
}

const requested = ({ ark }: VideoBench, what: { method: string; path?: string }) =>
  eventually(() => {
    const { method, path = '' } = what
    expect(ark.requests.filter((request) => request.method === method && request.path.includes(path))).not.toEqual([])
  })

const progressed = (handle: Handle, to: Partial<RunProgress>) =>
  eventually(async () => expect(await handle.query(progressQuery)).toMatchObject(to))

/** What was created is at the provider in these states, in order. */
const tasksAt = ({ ark, arkUrl }: VideoBench) =>
  Promise.all(creates(ark).flatMap(({ created }) => (created ? [statusAt(arkUrl, created)] : [])))

interface VideoPhase {
  phase: string
  options?: VideoBenchOptions
  /** Before the start. */
  arrange?: (bench: VideoBench) => unknown
  /** Resolves in the phase. */
  reached: (bench: VideoBench, handle: Handle) => Promise<unknown>
  /** What is at the provider afterwards. */
  tasks: Array<string | number>
  reports: string[]
}

const hourLong = { latencyMs: HOUR_MS }
const patient = { ...hourLong, asProvider: true, firstPollSeconds: 3600, deadlineSeconds: 100_000 }

describe.concurrent('a video whose run is cancelled', () => {
  const phases: VideoPhase[] = [
    {
      phase: 'while its create is under way has its task cancelled, once there is one',
      options: { ...hourLong, slowBodyMs: 3000 },
      arrange: ({ ark }) => ark.faults.set({ acceptThenSlow: 1 }),
      reached: (bench) => requested(bench, { method: 'POST' }),
      tasks: ['cancelled'],
      reports: ['begin', 'failed'],
    },
    {
      phase: 'while its create is under way, whose answer gets lost, has its task looked up and cancelled',
      options: { ...hourLong, requestTimeoutMs: 2000, settleSeconds: 1 },
      arrange: ({ ark }) => ark.faults.set({ acceptThenHang: 1 }),
      reached: (bench) => requested(bench, { method: 'POST' }),
      tasks: ['cancelled'],
      reports: ['begin', 'failed'],
    },
    {
      phase: 'while its create is under way, which never arrives, has no other created',
      options: { ...hourLong, requestTimeoutMs: 2000, settleSeconds: 1 },
      arrange: ({ ark }) => ark.faults.set({ hangBeforeAccept: 1 }),
      reached: (bench) => requested(bench, { method: 'POST' }),
      tasks: [],
      reports: ['begin', 'failed'],
    },
    {
      phase: 'while the provider takes no more has nothing created',
      arrange: ({ ark }) => {
        ark.faults.set({ rateLimited: '100%' })
        ark.faults.retryAfterSeconds = 600
      },
      reached: (bench) => eventually(() => expect(statusesOf(bench.main)).toContain('waiting')),
      tasks: [],
      reports: ['begin', 'waiting', 'failed'],
    },
    {
      phase: 'while it is waited for has its task cancelled',
      options: patient,
      reached: (_bench, handle) => progressed(handle, { phase: 'waiting' }),
      tasks: ['cancelled'],
      reports: ['begin', 'processing', 'failed'],
    },
    {
      phase: 'while a poll is under way has its task cancelled',
      options: hourLong,
      arrange: ({ ark }) => ark.faults.set({ readHang: 1 }),
      reached: (bench) => requested(bench, { method: 'GET' }),
      tasks: ['cancelled'],
      reports: ['begin', 'processing', 'failed'],
    },
    {
      phase: 'while it is looked at for the last time has its task cancelled',
      options: { ...hourLong, deadlineSeconds: 10, requestTimeoutMs: 8000, settleSeconds: 1 },
      arrange: ({ ark }) => ark.faults.set({ readHang: '100%' }),
      reached: async ({ ark }, handle) => {
        const { deadlineAt = 0 } = await eventually(() => handle.query(progressQuery))
        await eventually(() =>
          expect(ark.requests.filter(({ method, at }) => method === 'GET' && at >= deadlineAt * 1000)).not.toEqual([]),
        )
        ark.faults.set({ readHang: 0 })
      },
      tasks: ['cancelled'],
      reports: ['begin', 'processing', 'waiting', 'failed'],
    },
  ]
  const cases = phases.map((phase) => [phase.phase, phase] as const)
  it.each(cases)('%s', (_phase, { options = {}, arrange, reached, tasks, reports }) =>
    withVideoBench(env, options, async (bench) => {
      arrange?.(bench)
      const handle = await bench.start('videoPollingWorkflow', videoRequest)
      await reached(bench, handle)
      const asked = creates(bench.ark).length
      await cancel(handle)
      expect(creates(bench.ark)).toHaveLength(asked)
      expect(await tasksAt(bench)).toEqual(tasks)
      expect(statusesOf(bench.main)).toEqual(reports)
      expect(bench.main.state).toMatchObject({ status: 'failed', retryable: false, error: { code: 'cancelled' } })
      expect(await readdir(bench.artifactsDir)).toEqual([])
    }),
  )

  it('before main has answered the begin has nothing created, and a begin that comes late is refused', () =>
    withVideoBench(env, {}, async ({ start, main, ark }) => {
      const begin = holdReport(main, 'begin')
      const handle = await start('videoPollingWorkflow', videoRequest)
      await begin.reached()
      await cancel(handle)
      expect(statusesOf(main)).toEqual(['begin', 'failed'])
      const { state } = main
      expect(state).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'cancelled' } })
      begin.release()
      await setImmediate()
      expect(main.state).toEqual(state)
      expect(ark.requests).toEqual([])
    }))

  it('before main has answered that it is being made has its task cancelled', () =>
    withVideoBench(env, hourLong, async (bench) => {
      const processing = holdReport(bench.main, 'processing')
      const handle = await bench.start('videoPollingWorkflow', videoRequest)
      await processing.reached()
      await cancel(handle)
      expect(await tasksAt(bench)).toEqual(['cancelled'])
      expect(bench.main.state).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'cancelled' } })
      processing.release()
    }))

  it('while the provider is at work on it leaves the task, which cannot be cancelled any more', () => {
    let clock = Date.now()
    return withVideoBench(env, { ...patient, now: () => clock }, async (bench) => {
      const handle = await bench.start('videoPollingWorkflow', videoRequest)
      await progressed(handle, { phase: 'waiting' })
      clock += HOUR_MS / 2
      await cancel(handle)
      expect(await tasksAt(bench)).toEqual(['running'])
      // An operator's retry would resume it.
      expect(bench.main.state.providerTask).toMatchObject({ attempt: 1 })
    })
  })

  it('while it is copied leaves nothing half-written, and its task as it is', () =>
    withVideoBench(env, {}, async (bench) => {
      bench.ark.faults.set({ downloadHang: 1 })
      const handle = await bench.start('videoPollingWorkflow', videoRequest)
      await requested(bench, { method: 'GET', path: '/files/' })
      await eventually(async () => expect(await readdir(bench.artifactsDir)).toHaveLength(1))
      await cancel(handle)
      expect(await tasksAt(bench)).toEqual(['succeeded'])
      await eventually(async () => expect(await readdir(bench.artifactsDir)).toEqual([]))
    }))

  it('while main is told of the result is completed all the same', () =>
    withVideoBench(env, {}, async ({ start, main, ark }) => {
      const completed = holdReport(main, 'completed')
      const handle = await start('videoPollingWorkflow', videoRequest)
      await completed.reached()
      await handle.cancel()
      // It knows of that by now.
      await handle.query(progressQuery)
      completed.release()
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expect(main.state).toMatchObject({ status: 'completed' })
      expect(creates(ark)).toHaveLength(1)
    }))

  it('while what an earlier attempt had created is looked at has that cancelled', () =>
    withVideoBench(env, hourLong, async (bench) => {
      const id = await createEarlier(bench.arkUrl, 'earlier')
      bench.main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
      bench.ark.faults.set({ readHang: 1 })
      const handle = await bench.start('videoPollingWorkflow', videoRequest, 2)
      await requested(bench, { method: 'GET' })
      await cancel(handle)
      expect(await tasksAt(bench)).toEqual(['cancelled'])
    }))

  it('while what an earlier attempt may have created is looked for has that cancelled', () =>
    withVideoBench(env, { ...hourLong, requestTimeoutMs: 5000 }, async (bench) => {
      await createEarlier(bench.arkUrl, 'earlier', seedOfAttempt(1))
      bench.main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      bench.ark.faults.set({ readHang: 1 })
      const handle = await bench.start('videoPollingWorkflow', videoRequest, 2)
      await requested(bench, { method: 'GET' })
      await cancel(handle)
      expect(await tasksAt(bench)).toEqual(['cancelled'])
    }))

  it('after its task was, at main, stays cancelled there, and has its task at the provider cancelled', () =>
    withVideoBench(env, patient, async (bench) => {
      const handle = await bench.start('videoPollingWorkflow', videoRequest)
      await progressed(handle, { phase: 'waiting' })
      bench.main.state = { ...bench.main.state, status: 'cancelled' }
      await cancel(handle)
      expect(bench.main.state.status).toBe('cancelled')
      expect(await tasksAt(bench)).toEqual(['cancelled'])
    }))
})

describe.concurrent('an image whose run is cancelled', () => {
  const bench = (options: ImageBenchOptions, test: (bench: ImageBench) => Promise<void>) =>
    withImageBench(env, options, test)

  it('before main has answered the begin is not asked for', () =>
    bench({}, async ({ start, main, gateway }) => {
      const begin = holdReport(main, 'begin')
      const handle = await start('imageGenerationWorkflow', imageRequest)
      await begin.reached()
      await cancel(handle)
      begin.release()
      expect(gateway.requests).toEqual([])
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, error: { code: 'cancelled' } })
    }))

  it('while it is made leaves the intent open, as it may have been charged for, and asks for no other', () =>
    bench({ latencyMs: HOUR_MS }, async ({ start, main, gateway, artifactsDir }) => {
      const handle = await start('imageGenerationWorkflow', imageRequest)
      await eventually(() => expect(gateway.requests).toHaveLength(1))
      await cancel(handle)
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, openIntents: [{ attempt: 1 }] })
      expect(gateway.requests).toHaveLength(1)
      expect(await readdir(artifactsDir)).toEqual([])
    }))

  it('while the gateway takes no more is not asked for again', () =>
    bench({}, async ({ start, main, gateway }) => {
      gateway.faults.set({ rateLimited: '100%' })
      gateway.faults.retryAfterSeconds = 300
      const handle = await start('imageGenerationWorkflow', imageRequest)
      await progressed(handle, { nextPollAt: expect.any(Number) })
      await cancel(handle)
      expect(gateway.requests).toHaveLength(1)
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'waiting', 'failed'])
    }))

  it('before main has answered that it is being asked for is not asked for', () =>
    bench({}, async ({ start, main, gateway }) => {
      const processing = holdReport(main, 'processing')
      const handle = await start('imageGenerationWorkflow', imageRequest)
      await processing.reached()
      await cancel(handle)
      processing.release()
      expect(gateway.requests).toEqual([])
    }))

  it('while main is told of the result is completed all the same', () =>
    bench({}, async ({ start, main, gateway }) => {
      const completed = holdReport(main, 'completed')
      const handle = await start('imageGenerationWorkflow', imageRequest)
      await completed.reached()
      await handle.cancel()
      // It knows of that by now.
      await handle.query(progressQuery)
      completed.release()
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expect(main.state.status).toBe('completed')
      expect(gateway.requests).toHaveLength(1)
    }))
})
