/** Large requests that a provider refuses again and again: the run continues as new, and its history stays small. */
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { progressQuery, triggerImmediatePoll } from '@/provider-kit/workflow/manual-handles.js'
import type { Simulator } from '@/tools/simulators/index.js'
import { imageRequest, withImageBench } from '../provider-kit/image-bench.js'
import { creates, videoRequest, withVideoBench } from '../provider-kit/video-bench.js'
import { createRealEnvironment, statusesOf, type WorkflowBench } from '../provider-kit/workflow-bench.js'
import { eventually } from '../support/eventually.js'

/** As many megabytes as a run cannot have; and fewer, for what is the same but the provider. */
const TOO_MANY = 60
const SOME = 20
const MEGABYTE = 1024 ** 2
/** Temporal suggests to continue as new at 4 MB, and ends a run at 50. */
const MOST_BYTES = 8 * MEGABYTE
const DEADLINE_SECONDS = 3600

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createRealEnvironment()
})
afterAll(() => env.teardown())

type Handle = WorkflowHandleWithFirstExecutionRunId

/** Ends each pause that follows a refusal, until there is no other. */
async function hurry(handle: Handle, provider: Simulator, refusals: number, requests: () => number): Promise<void> {
  provider.faults.retryAfterSeconds = 600
  for (let refusal = 1; refusal <= refusals; refusal++) {
    await eventually(async () => expect(requests()).toBeGreaterThanOrEqual(refusal))
    await handle.signal(triggerImmediatePoll)
  }
}

/** The sizes of all runs' histories, from the first one on. */
async function historySizes({ workflowId }: Handle): Promise<number[]> {
  const sizes: number[] = []
  for await (const { runId } of env.client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const { raw } = await env.client.workflow.getHandle(workflowId, runId).describe()
    sizes.push(Number(raw.workflowExecutionInfo?.historySizeBytes))
  }
  return sizes
}

async function expectSmallHistory(handle: Handle, refusals: number, { main }: WorkflowBench): Promise<void> {
  const sizes = await eventually(async () => {
    const known = await historySizes(handle)
    expect(known.length).toBeGreaterThan(refusals / 8)
    return known
  })
  expect(Math.max(...sizes)).toBeLessThan(MOST_BYTES)
  // The same run to main, which begins again each time.
  const runIds = new Set(main.reports.map((report) => 'runId' in report && report.runId))
  expect([...runIds]).toEqual([handle.firstExecutionRunId])
  expect(statusesOf(main).filter((status) => status === 'begin')).toHaveLength(sizes.length)
}

it('an image is asked for 60 times with a megabyte, and made', () =>
  withImageBench(env, { deadlineSeconds: DEADLINE_SECONDS }, async (bench) => {
    const { start, main, gateway } = bench
    gateway.faults.set({ rateLimited: TOO_MANY })
    const startedAt = Date.now() / 1000
    const referenceImages = [`data:image/png;base64,${'A'.repeat(MEGABYTE - 100)}`]
    const handle = await start('imageGenerationWorkflow', { ...imageRequest, referenceImages })
    await hurry(handle, gateway, TOO_MANY, () => gateway.requests.length)
    // The last answer says nothing of pauses, and the attempt has the time that was left all along.
    const { deadlineAt = 0 } = await eventually(() => handle.query(progressQuery))
    expect(deadlineAt).toBeLessThan(startedAt + DEADLINE_SECONDS + 30)
    const outcome = await handle.result()
    expect(outcome).toMatchObject({ outcome: 'completed', attempt: 1 })
    expect(gateway.requests).toHaveLength(TOO_MANY + 1)
    expect(main.state).toMatchObject({ status: 'completed', attempts: 1, openIntents: [] })
    await expectSmallHistory(handle, TOO_MANY, bench)
  }))

it('a video is asked for 20 times with a megabyte, and made', () =>
  withVideoBench(env, { deadlineSeconds: DEADLINE_SECONDS, latencyMs: 0 }, async (bench) => {
    const { start, main, ark } = bench
    ark.faults.set({ rateLimited: SOME })
    const prompt = 'A paper boat. '.repeat(MEGABYTE / 14)
    const handle = await start('videoPollingWorkflow', { ...videoRequest, prompt })
    await hurry(handle, ark, SOME, () => creates(ark).length)
    expect(await handle.result()).toMatchObject({ outcome: 'completed', attempt: 1 })
    expect(creates(ark)).toHaveLength(SOME + 1)
    expect(main.state).toMatchObject({ status: 'completed', attempts: 1, openIntents: [] })
    await expectSmallHistory(handle, SOME, bench)
  }))
