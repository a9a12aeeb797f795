import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { integrationTaskQueue, providerTaskQueue } from '@/protocol/names.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import type { FaultPlan } from '@/simulator/faults.js'
import { videoRequest, withVideoBench } from '../provider-kit/video-bench.js'
import { createTimeSkippingEnvironment } from '../provider-kit/workflow-bench.js'

describe('a pause', () => {
  const queue = integrationTaskQueue('someIntegration')

  it('lasts as long as the provider asked for, and the longest of several counts', () => {
    let now = 0
    const pauses = createProviderPauses(() => now)
    pauses.pause(providerTaskQueue(queue), 30)
    pauses.pause(providerTaskQueue(queue), 5)
    expect(pauses.pausedSeconds(queue)).toBe(30)
    now = 29_000
    expect(pauses.pausedSeconds(queue)).toBe(1)
    now = 30_000
    expect(pauses.pausedSeconds(queue)).toBe(0)
  })

  it("is that integration's alone", () => {
    const pauses = createProviderPauses()
    pauses.pause(providerTaskQueue(queue), 30)
    expect(pauses.pausedSeconds(integrationTaskQueue('another'))).toBe(0)
  })
})

describe('a create', () => {
  let env: TestWorkflowEnvironment
  beforeAll(async () => {
    env = await createTimeSkippingEnvironment()
  })
  afterAll(() => env.teardown())

  it.each<[string, FaultPlan, number[]]>([
    ['refused with a delay pauses claims for as long', { rateLimited: 1 }, [300]],
    ['refused without one pauses them for a little', { rateLimitedWithoutDelay: 1 }, [5]],
    ['that is accepted pauses nothing', {}, []],
    ['refused for good pauses nothing', { refuseAtCreate: 1 }, []],
    ['whose answer was lost pauses nothing', { acceptThenReset: 1 }, []],
    ['whose polls fail pauses nothing', { readFail: 2 }, []],
  ])('%s', (_, faults, seconds) =>
    withVideoBench(env, {}, async ({ run, ark, context, taskQueue }) => {
      const pause = vi.spyOn(context.providerPauses, 'pause')
      ark.faults.retryAfterSeconds = 300
      ark.faults.set(faults)
      await run('videoPollingWorkflow', videoRequest)
      // What is left of a pause depends on how long the run took.
      expect(pause.mock.calls).toEqual(seconds.map((each) => [providerTaskQueue(taskQueue), each]))
    }),
  )
})
