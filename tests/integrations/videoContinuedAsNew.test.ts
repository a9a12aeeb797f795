/** A run that waits so long for its video that Temporal has it continue as new. */
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { progressQuery } from '@/integrations/shared/workflow/manual-handles.js'
import { startTemporalServer, type TemporalServer } from '@/scripts/temporal/server.js'
import { eventually } from '../support/eventually.js'
import { creates, type VideoBench, type VideoBenchOptions, videoRequest, withVideoBench } from './video-bench.js'
import { statusesOf } from './workflow-support.js'

const WORKFLOW = 'videoPollingWorkflow'
const HOUR_MS = 3600_000

let server: TemporalServer
let early: TestWorkflowEnvironment
beforeAll(async () => {
  // Not the server that all tests share: its setting would be theirs.
  const env = { ...process.env, TEMPORAL_ADDRESS: undefined }
  const dynamicConfig = { 'limit.historyCount.suggestContinueAsNew': 30 }
  server = await startTemporalServer({ headless: true, dynamicConfig, env })
  early = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address })
})
afterAll(async () => {
  await early.teardown()
  await server.stop()
})

const bench = (options: VideoBenchOptions, test: (bench: VideoBench) => Promise<void>) =>
  withVideoBench(early, { requestTimeoutMs: 8000, settleSeconds: 1, ...options }, test)

/** Resolves once the first run has been followed by another. */
async function continued(workflowId: string, runId: string): Promise<void> {
  await eventually(async () => {
    const { status } = await early.client.workflow.getHandle(workflowId, runId).describe()
    expect(status.name).toBe('CONTINUED_AS_NEW')
  })
}

async function takeBack(arkUrl: string, id = ''): Promise<void> {
  const headers = { authorization: 'Bearer somebody' }
  const { ok } = await fetch(`${arkUrl}/contents/generations/tasks/${id}`, { method: 'DELETE', headers })
  expect(ok).toBe(true)
}

describe('a run that continued as new', () => {
  it('goes on as the same run, and takes the video', () =>
    bench({ latencyMs: 14_000, deadlineSeconds: 60 }, async ({ start, ark, main }) => {
      const { workflowId, firstExecutionRunId, ...handle } = await start(WORKFLOW, videoRequest)
      expect(await handle.result()).toMatchObject({ outcome: 'completed', attempt: 1 })
      await continued(workflowId, firstExecutionRunId)
      expect(creates(ark)).toHaveLength(1)
      const runIds = new Set(main.reports.map((report) => 'runId' in report && report.runId))
      expect([...runIds]).toEqual([firstExecutionRunId])
      expect(statusesOf(main).filter((status) => status === 'begin').length).toBeGreaterThan(1)
      expect(main.state).toMatchObject({ status: 'completed', attempts: 1 })
    }))

  it('has the time that was left', () =>
    bench({ latencyMs: HOUR_MS, deadlineSeconds: 25 }, async ({ start }) => {
      const handle = await start(WORKFLOW, videoRequest)
      const { deadlineAt } = await eventually(() => handle.query(progressQuery))
      await continued(handle.workflowId, handle.firstExecutionRunId)
      expect(await eventually(() => handle.query(progressQuery))).toMatchObject({ deadlineAt })
      expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'deadline_exceeded' } })
    }))

  it('whose video failed meanwhile fails by that, and has no other made', () =>
    bench({ latencyMs: HOUR_MS, deadlineSeconds: 100 }, async ({ start, main, ark, arkUrl }) => {
      const begun = () => statusesOf(main).filter((status) => status === 'begin').length
      // By the time it begins again, somebody has taken the video back at the provider.
      main.onReport = async ({ status }) => {
        if (status === 'begin' && begun() > 1) await takeBack(arkUrl, creates(ark)[0]?.created)
      }
      const handle = await start(WORKFLOW, videoRequest)
      expect(await handle.result()).toMatchObject({
        outcome: 'failed',
        error: { code: 'provider_task_cancelled' },
        retryable: false,
      })
      expect(begun()).toBeGreaterThan(1)
      expect(creates(ark)).toHaveLength(1)
      expect(main.state).toMatchObject({ status: 'failed', attempts: 1, providerTask: null })
    }))

  it('is known to main again, should main have forgotten it', () =>
    bench({ latencyMs: 14_000, deadlineSeconds: 60 }, async ({ start, main, ark }) => {
      const claimed = main.state
      const handle = await start(WORKFLOW, videoRequest)
      await expect.poll(() => statusesOf(main)).toContain('processing')
      main.state = claimed
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      await continued(handle.workflowId, handle.firstExecutionRunId)
      expect(creates(ark)).toHaveLength(1)
    }))
})
