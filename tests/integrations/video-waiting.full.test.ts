/** How a run waits for its video: until the deadline, open to its manual handles, with a short history. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { progressQuery, providerHint } from '@/provider-kit/workflow/manual-handles.js'
import { creates, videoRequest as request, type VideoBench, withVideoBench } from '../provider-kit/video-bench.js'
import { createRealEnvironment, createTimeSkippingEnvironment, statusesOf } from '../provider-kit/workflow-bench.js'

const WORKFLOW = 'videoPollingWorkflow'
const HOUR_MS = 3600_000
/** Deadlines have to be longer than these together. */
const quick = { requestTimeoutMs: 8000, settleSeconds: 1 }

let skipping: TestWorkflowEnvironment
let real: TestWorkflowEnvironment
beforeAll(async () => {
  skipping = await createTimeSkippingEnvironment()
  real = await createRealEnvironment()
})
afterAll(async () => {
  await Promise.all([skipping.teardown(), real.teardown()])
})

const methods = ({ ark }: VideoBench) => ark.requests.map(({ method }) => method)
const looks = (bench: VideoBench) => methods(bench).filter((method) => method === 'GET').length

describe('at the deadline', () => {
  it('a video that has not begun is cancelled at the provider, and the next attempt starts anew', () =>
    withVideoBench(skipping, { latencyMs: HOUR_MS, deadlineSeconds: 60, ...quick }, async (bench) => {
      expect(await bench.run(WORKFLOW, request)).toMatchObject({
        outcome: 'failed',
        error: { code: 'deadline_exceeded', message: expect.stringContaining('cancelled at the provider') },
        retryable: true,
        providerEnded: true,
      })
      expect(methods(bench).at(-1)).toBe('DELETE')
      expect(bench.main.state).toMatchObject({ status: 'failed', providerTask: null, openIntents: [] })
    }))

  it('a video that is in the making is left for the next attempt to resume', () =>
    withVideoBench(real, { latencyMs: 30_000, deadlineSeconds: 10, ...quick }, async (bench) => {
      expect(await bench.run(WORKFLOW, request)).toMatchObject({
        outcome: 'failed',
        error: { code: 'deadline_exceeded' },
        retryable: true,
      })
      expect(methods(bench)).not.toContain('DELETE')
      expect(bench.main.state).toMatchObject({ status: 'failed', providerTask: { attempt: 1 } })
    }))

  it('a video that is finished is taken all the same', () =>
    withVideoBench(
      skipping,
      { asProvider: true, latencyMs: 0, firstPollSeconds: 600, deadlineSeconds: 60, ...quick },
      async (bench) => {
        expect(await bench.run(WORKFLOW, request)).toMatchObject({ outcome: 'completed' })
        expect(creates(bench.ark)).toHaveLength(1)
      },
    ))
})

describe('polls', () => {
  it('begin when a video can be there, and grow rarer up to a bound', () =>
    withVideoBench(
      skipping,
      {
        asProvider: true,
        latencyMs: HOUR_MS,
        firstPollSeconds: 20,
        pollSeconds: 10,
        maxPollSeconds: 60,
        deadlineSeconds: 3600,
      },
      async (bench) => {
        const handle = await bench.start(WORKFLOW, request)
        await handle.result()
        const { events } = await handle.fetchHistory()
        const at = (events ?? [])
          .filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'poll')
          .map(({ eventTime }) => Number(eventTime?.seconds))
        const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0))
        const createdAt = Number(
          (events ?? []).find((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'create')
            ?.eventTime?.seconds,
        )
        expect((at[0] ?? 0) - createdAt).toBeGreaterThanOrEqual(20)
        // Jitter is a fifth either way; the last pause ends at the deadline.
        expect(Math.min(...pauses.slice(0, -1))).toBeGreaterThanOrEqual(7)
        expect(Math.max(...pauses)).toBeLessThanOrEqual(73)
        expect(Math.max(...pauses.slice(0, 5))).toBeLessThanOrEqual(13)
        expect(new Set(pauses).size).toBeGreaterThan(3)
        expect(pauses.length).toBeLessThan(120)
      },
    ))
})

describe('a run that waits', () => {
  const patient = {
    asProvider: true,
    firstPollSeconds: 3600,
    pollSeconds: 600,
    maxPollSeconds: 3600,
    deadlineSeconds: 100_000,
  }

  it('tells how far it is, and looks at once when it is told to', () =>
    // The video is there at once: the one look that it is told to take has to find it.
    withVideoBench(real, { ...patient, latencyMs: 0 }, async (bench) => {
      const handle = await bench.start(WORKFLOW, request)
      const progress = () => handle.query(progressQuery)
      // Before that it does not know the query.
      await expect.poll(() => statusesOf(bench.main)).toContain('processing')
      await expect
        .poll(progress)
        .toMatchObject({ phase: 'waiting', polls: 0, providerTaskId: expect.stringContaining('cgt-') })
      expect((await progress()).nextPollAt).toBeGreaterThan(Date.now() / 1000 + 3000)
      expect(looks(bench)).toBe(0)

      await handle.signal('triggerImmediatePoll')
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expect(await progress()).toMatchObject({ phase: 'storing', polls: 1, providerStatus: 'succeeded' })
    }))

  it('gives up when it is told to, and leaves the video for a retry to take up', () =>
    withVideoBench(real, { ...patient, latencyMs: HOUR_MS }, async (bench) => {
      const handle = await bench.start(WORKFLOW, request)
      await expect.poll(() => statusesOf(bench.main)).toContain('processing')
      await handle.signal('stopPolling', 'ada')
      expect(await handle.result()).toMatchObject({
        outcome: 'failed',
        error: { code: 'polling_stopped', message: expect.stringContaining('ada stopped') },
        retryable: false,
      })
      expect(methods(bench)).toEqual(['POST'])
      expect(bench.main.state).toMatchObject({ status: 'failed', providerTask: { attempt: 1 } })
    }))

  it('looks once in a poll interval, however often the provider hints; an operator is heard at once', () =>
    withVideoBench(skipping, { ...patient, pollSeconds: 10, latencyMs: HOUR_MS }, async (bench) => {
      const handle = await bench.start(WORKFLOW, request)
      await expect.poll(() => statusesOf(bench.main)).toContain('processing')
      // A minute, with a hint in each of its seconds.
      for (let second = 0; second < 60; second++) {
        await handle.signal(providerHint)
        await skipping.sleep(1000)
      }
      expect(looks(bench)).toBeGreaterThanOrEqual(4)
      expect(looks(bench)).toBeLessThanOrEqual(6)
      const before = looks(bench)
      await handle.signal('triggerImmediatePoll')
      await expect.poll(() => looks(bench)).toBe(before + 1)
      await handle.terminate()
    }))
})
