/** A provider that says when to come back, or does not, or says so badly: every wait has a floor, and grows. */
import type { WorkflowHandle } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseRetryAfter } from '@/lib/retry-after.js'
import { imageRequest, withImageBench } from './image-bench.js'
import { creates, videoRequest, withVideoBench } from './video-bench.js'
import { createTimeSkippingEnvironment } from './workflow-bench.js'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

const PAST = 'Sun, 06 Nov 1994 08:49:37 GMT'
const DAY = 86_400

/** Seconds between the starts of an activity, in the server's time. */
async function pausesBetween(handle: Pick<WorkflowHandle, 'fetchHistory'>, activity: string): Promise<number[]> {
  const { events } = await handle.fetchHistory()
  const at = (events ?? [])
    .filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity)
    .map(({ eventTime }) => Number(eventTime?.seconds) + Number(eventTime?.nanos) / 1e9)
  return at.slice(1).map((time, index) => time - (at[index] ?? 0))
}

/** Each pause is twice the one before, with the upper half left to chance. */
function expectGrowing(pauses: number[], count: number): void {
  expect(pauses).toHaveLength(count)
  for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(2 ** index)
}

const SAYINGS = [0, PAST, '-5', 'soon', '0.001']

describe('a create that is refused', () => {
  it.each(SAYINGS)('with Retry-After: %s is not repeated without a pause (video)', (said) =>
    withVideoBench(env, {}, async ({ start, ark, context, taskQueue }) => {
      ark.faults.set({ rateLimited: 5 })
      ark.faults.retryAfterSeconds = said
      const handle = await start('videoPollingWorkflow', videoRequest)
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(6)
      expectGrowing(await pausesBetween(handle, 'create'), 5)
      // Nothing more was claimed for a little.
      expect(context.providerPauses.pausedSeconds(taskQueue)).toBeGreaterThan(1)
    }),
  )

  it('is not repeated without a pause (image)', () =>
    withImageBench(env, {}, async ({ start, gateway }) => {
      gateway.faults.set({ rateLimited: 5 })
      gateway.faults.retryAfterSeconds = 0
      const handle = await start('imageGenerationWorkflow', imageRequest)
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expectGrowing(await pausesBetween(handle, 'createResult'), 5)
    }))

  it('with a Retry-After beyond all patience ends the attempt, and the next one comes a day later at most', () =>
    withVideoBench(env, {}, async ({ run, ark }) => {
      ark.faults.set({ rateLimited: 1 })
      ark.faults.retryAfterSeconds = '9'.repeat(400)
      expect(await run('videoPollingWorkflow', videoRequest)).toMatchObject({
        outcome: 'failed',
        retryable: true,
        retryAfterSeconds: DAY,
      })
      expect(creates(ark)).toHaveLength(1)
    }))
})

describe('a look at a task that is refused', () => {
  it.each([0, PAST])('with Retry-After: %s is not repeated without a pause', (said) =>
    withVideoBench(env, {}, async ({ run, ark, main, env: { currentTimeMs } }) => {
      let refusedSince = 0
      main.onReport = async ({ status }) => {
        if (status !== 'processing') return
        ark.faults.set({ readRateLimited: 12 })
        ark.faults.retryAfterSeconds = said
        refusedSince = await env.currentTimeMs()
      }
      expect(await run('videoPollingWorkflow', videoRequest)).toMatchObject({ outcome: 'completed' })
      expect(ark.faults.plan).toEqual({})
      // Five tries with 1 + 2 + 4 + 8 s between them, twice, and a growing pause after each.
      expect((await currentTimeMs.call(env)) - refusedSince).toBeGreaterThan(30_000)
    }),
  )
})

describe('Retry-After', () => {
  it.each([
    ['3', 3],
    ['0.5', 0.5],
    ['0', 0],
    [PAST, 0],
    ['9'.repeat(400), DAY],
    ['Sun, 06 Nov 2999 08:49:37 GMT', DAY],
    ['Friday, 01-Jan-99 00:00:00 GMT', 0],
    ['-5', undefined],
    ['soon', undefined],
    ['1e9', undefined],
    ['2', 2],
    ['', undefined],
    [null, undefined],
  ])('%s is %s seconds', (header, seconds) => {
    expect(parseRetryAfter(header)).toBe(seconds)
  })

  it('may be a date to come', () => {
    const seconds = parseRetryAfter(new Date(Date.now() + 60_000).toUTCString())
    expect(seconds).toBeGreaterThan(50)
    expect(seconds).toBeLessThanOrEqual(60)
  })
})
