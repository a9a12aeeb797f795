import { CancelledFailure } from '@temporalio/common'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as activities from '@/integrations/test-async-task/activities/index.js'
import { testTaskResultSchema } from '@/integrations/test-async-task/schemas.js'
import {
  createRealEnvironment,
  createTimeSkippingEnvironment,
  statusesOf,
  type WorkflowBench,
  withWorkflowBench,
} from '../provider-kit/workflow-bench.js'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

const bench = (test: (bench: WorkflowBench) => Promise<void>) =>
  withWorkflowBench(env, { folder: 'test-async-task', activities }, test)

describe('as a task', () => {
  it('begins, reports processing and completes, and returns what it reported', () =>
    bench(async ({ run, main }) => {
      const outcome = await run('asyncTestTaskWorkflow', { kind: 'simple', message: 'hello' })
      expect(outcome).toEqual({
        outcome: 'completed',
        attempt: 1,
        result: { success: true, message: 'hello', steps: ['process'] },
      })
      expect(statusesOf(main)).toEqual(['begin', 'processing', 'completed'])
      expect(main.reports[0]).toMatchObject({ apiCallId: '42', attempt: 1, createIntent: false })
      expect(main.state).toMatchObject({ status: 'completed', result: { message: 'hello' } })
      expect(testTaskResultSchema.safeParse(main.state.result).success).toBe(true)
    }))

  it('names itself by its first execution', () =>
    bench(async ({ start, main }) => {
      const handle = await start('asyncTestTaskWorkflow', { kind: 'simple' })
      await handle.result()
      const { runId: firstRunId } = await handle.describe()
      const runIds = main.reports.map((report) => ('runId' in report ? report.runId : undefined))
      expect(new Set(runIds)).toEqual(new Set([firstRunId]))
    }))

  it('does nothing when main does not let it begin', () =>
    bench(async ({ start, main, activitiesOf }) => {
      main.state = { ...main.state, status: 'cancelled' }
      const handle = await start('asyncTestTaskWorkflow', { kind: 'simple' })
      expect(await handle.result()).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('cancelled') })
      expect(statusesOf(main)).toEqual(['begin'])
      expect(await activitiesOf(handle)).toEqual(['beginAttempt'])
    }))

  it('does nothing for a later row of the same id, and says no more to it', () =>
    bench(async ({ start, activitiesOf }) => {
      const handle = await start('asyncTestTaskWorkflow', { kind: 'simple' }, 1, { taskKey: 'of-an-earlier-row' })
      expect(await handle.result()).toMatchObject({
        outcome: 'refused',
        reason: expect.stringContaining("another task's"),
      })
      expect(await activitiesOf(handle)).toEqual(['beginAttempt'])
    }))

  it('names its row in every report', () =>
    bench(async ({ run, main }) => {
      await run('asyncTestTaskWorkflow', { kind: 'simple' })
      const keys = main.reports.map((report) => 'taskKey' in report && report.taskKey)
      expect(keys).toEqual(['k7Qx2', 'k7Qx2', 'k7Qx2'])
    }))

  it('reports until main has it: through faults and refused tokens', () =>
    bench(async ({ run, main }) => {
      main.failWith = [500, 401, 503]
      expect(await run('asyncTestTaskWorkflow', { kind: 'simple' })).toMatchObject({ outcome: 'completed' })
      expect(main.state.status).toBe('completed')
    }))

  it.each([400, 413])('fails the attempt when main cannot take the result, and says so with %i', (status) =>
    bench(async ({ run, main }) => {
      main.onReport = (report) => {
        if (report.status === 'processing') main.failWith = [status]
      }
      expect(await run('asyncTestTaskWorkflow', { kind: 'simple' })).toMatchObject({
        outcome: 'failed',
        error: { code: 'result_rejected' },
        retryable: false,
      })
      expect(main.state).toMatchObject({ status: 'failed', retryable: false })
    }),
  )

  it('reports a cancelled run as failed, and ends the activity under way', async () => {
    let started: () => void
    const activityStarted = new Promise<void>((resolve) => {
      started = resolve
    })
    let ending: Promise<unknown> | undefined
    const simulateLongRunningTask = (durationMs: number) => {
      const work = activities.simulateLongRunningTask(durationMs)
      ending = work.catch((error: unknown) => error)
      started()
      return work
    }
    const realTime = await createRealEnvironment()
    await withWorkflowBench(
      realTime,
      { folder: 'test-async-task', activities: { ...activities, simulateLongRunningTask } },
      async ({ start, main }) => {
        const handle = await start('asyncTestTaskWorkflow', { kind: 'longRunning', durationMs: 600_000 })
        await activityStarted
        await handle.cancel()
        expect(await handle.result()).toMatchObject({
          outcome: 'failed',
          error: { code: 'cancelled' },
          retryable: false,
        })
        expect(statusesOf(main)).toEqual(['begin', 'processing', 'failed'])
        expect(await ending).toBeInstanceOf(CancelledFailure)
      },
    )
    await realTime.teardown()
  })
})

describe('stand-alone, with no main', () => {
  it.each([
    ['simpleTestWorkflow', { message: 'hi' }, { success: true, message: 'hi', steps: ['process'] }],
    ['delayedTestWorkflow', { delayMs: 60_000 }, { success: true, steps: ['process'] }],
    ['multiStepTestWorkflow', { steps: ['a', 'b'], failures: 2 }, { success: true, steps: ['a', 'b'] }],
    ['longRunningTestWorkflow', { durationMs: 50 }, { success: true, steps: ['worked for 50 ms'] }],
  ])('%s', (workflow, input, expected) =>
    bench(async ({ env, taskQueue, main }) => {
      const result = await env.client.workflow.execute(workflow, { taskQueue, workflowId: workflow, args: [input] })
      expect(result).toEqual(expected)
      expect(main.reports).toEqual([])
    }),
  )
})
