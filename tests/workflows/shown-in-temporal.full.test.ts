/** How Temporal shows a run that has ended, and that who looks at it learns what main was told. */
import { WorkflowFailedError } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BoundedTemporal } from '@/async-task-component/bounded-temporal.js'
import { RunInspector } from '@/async-task-component/run-inspector.js'
import { type VideoBench, videoRequest, withVideoBench } from '../provider-kit/video-bench.js'
import { createRealEnvironment, statusesOf } from '../provider-kit/workflow-bench.js'
import { eventually } from '../support/eventually.js'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createRealEnvironment()
})
afterAll(() => env.teardown())

type Handle = Awaited<ReturnType<VideoBench['start']>>

async function ended(
  bench: VideoBench,
  prompt = videoRequest.prompt,
  meanwhile?: (handle: Handle) => Promise<unknown>,
) {
  const { workflowId } = await bench.start('videoPollingWorkflow', { ...videoRequest, prompt })
  const handle = bench.env.client.workflow.getHandle(workflowId)
  await meanwhile?.(handle as Handle)
  const failure = await handle.result().then(
    () => undefined,
    (error: unknown) => (error instanceof WorkflowFailedError ? error.cause : error),
  )
  const { status, runId } = await handle.describe()
  const temporal = new BoundedTemporal(bench.env.connection as never, { timeoutMs: 10_000 })
  const view = await new RunInspector(temporal).inspect(workflowId, runId, new AbortController().signal)
  return { shown: status.name, failure, view, told: bench.main.reports.at(-1) }
}

it('one that succeeded is completed', () =>
  withVideoBench(env, { latencyMs: 0 }, async (bench) => {
    expect(await ended(bench)).toMatchObject({
      shown: 'COMPLETED',
      failure: undefined,
      view: { state: 'closed', verdict: { status: 'completed', result: { providerTaskId: expect.any(String) } } },
      told: { status: 'completed' },
    })
  }))

it('one whose attempt failed is failed, with its code, and the verdict is what main was told', () =>
  withVideoBench(env, {}, async (bench) => {
    const { shown, failure, view, told } = await ended(bench, 'No. [refuse]')
    expect(told).toMatchObject({ status: 'failed', retryable: false, error: { code: expect.stringMatching(/\w/) } })
    const { error, retryable, providerEnded } = told as {
      error: { code: string }
      retryable: boolean
      providerEnded?: boolean
    }
    expect([shown, failure]).toMatchObject(['FAILED', { type: error.code, nonRetryable: true }])
    expect(view).toMatchObject({ state: 'closed', verdict: { status: 'failed', error, retryable, providerEnded } })
  }))

it('one that was cancelled is cancelled, and is not tried again', () =>
  withVideoBench(env, { asProvider: true, latencyMs: 3600_000 }, async (bench) => {
    const { shown, view, told } = await ended(bench, 'A cat', async (handle) => {
      await eventually(() => expect(statusesOf(bench.main)).toContain('processing'))
      await handle.cancel()
    })
    const verdict = { status: 'failed', error: { code: 'cancelled' }, retryable: false }
    expect([shown, told, view]).toMatchObject(['CANCELLED', verdict, { state: 'closed', verdict }])
  }))

it('one that main refused is failed, as refused', () =>
  withVideoBench(env, {}, async (bench) => {
    bench.main.state = { ...bench.main.state, runId: 'another-run' }
    expect(await ended(bench)).toMatchObject({
      shown: 'FAILED',
      failure: { type: 'refused_by_main' },
      view: { state: 'closed', verdict: { error: { code: 'run_refused' }, retryable: true } },
      told: { status: 'begin' },
    })
  }))
