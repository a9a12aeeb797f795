/** A run that waits so long for its video that Temporal has it continue as new. */
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { progressQuery, triggerImmediatePoll } from '@/provider-kit/workflow/manual-handles.js'
import { startTemporalServer, type TemporalServer } from '@/tools/temporal/server.js'
import {
  createEarlier,
  creates,
  seedOfAttempt,
  type VideoBench,
  type VideoBenchOptions,
  videoRequest,
  withVideoBench,
} from '../provider-kit/video-bench.js'
import { nextAttempt, statusesOf, type WorkflowBench } from '../provider-kit/workflow-bench.js'
import { eventually } from '../support/eventually.js'

const WORKFLOW = 'videoPollingWorkflow'
const HOUR_MS = 3600_000
const TASKS = '/api/v3/contents/generations/tasks'
type Started = Awaited<ReturnType<WorkflowBench['start']>>

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

describe('a run that continued as new while it looked up what was created', () => {
  /** Two tiers a time. */
  const looks = ({ ark }: VideoBench) =>
    ark.requests.filter(({ method, path }) => method === 'GET' && path === TASKS).length
  const begins = ({ main }: VideoBench) => statusesOf(main).filter((status) => status === 'begin').length

  /** Ends the pause after each request, until `enough`. */
  async function hurry(handle: Started, { ark }: VideoBench, enough: () => boolean): Promise<void> {
    for (let seen = 0; !enough(); ) {
      await eventually(async () => expect(enough() || ark.requests.length > seen).toBe(true))
      seen = ark.requests.length
      if (!enough()) await handle.signal(triggerImmediatePoll)
    }
  }

  it('has another one made no sooner, and no later, than it is certain that there is none', () =>
    bench({ deadlineSeconds: 200, latencyMs: 0 }, async (video) => {
      const { start, ark } = video
      ark.faults.set({ failBeforeAccept: 1 })
      const handle = await start(WORKFLOW, videoRequest)
      await eventually(async () => expect(creates(ark)).toHaveLength(1))
      const lostAt = Date.now()
      await hurry(handle, video, () => creates(ark).length > 1 || Date.now() - lostAt > 30_000)
      const certainAfter = Date.now() - lostAt
      // The margin is 9 s: it does not begin anew with each run.
      expect(certainAfter).toBeGreaterThan(8000)
      expect(certainAfter).toBeLessThan(30_000)
      expect(begins(video)).toBeGreaterThan(2)
      expect(await handle.result()).toMatchObject({ outcome: 'completed', attempt: 1 })
      expect(creates(ark)).toHaveLength(2)
    }))

  it('looks for what earlier attempts created no more once it is certain, however long it is refused', () =>
    bench({ deadlineSeconds: 2000, latencyMs: 0 }, async (video) => {
      const { start, ark, main } = video
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 1 }] })
      ark.faults.set({ rateLimited: 12 })
      ark.faults.retryAfterSeconds = 100
      const handle = await start(WORKFLOW, videoRequest, 2)
      await hurry(handle, video, () => creates(ark).length > 0)
      const [lookedUp, begun] = [looks(video), begins(video)]
      expect(begun).toBeGreaterThan(2)
      await hurry(handle, video, () => creates(ark).length > 12)
      expect(await handle.result()).toMatchObject({ outcome: 'completed', attempt: 2 })
      expect(begins(video)).toBeGreaterThan(begun + 1)
      expect(looks(video)).toBe(lookedUp)
    }))

  it('does so no more once it is cancelled: it finds what there is, and cancels it', () =>
    bench({ deadlineSeconds: 200, latencyMs: HOUR_MS, settleSeconds: 100 }, async (video) => {
      const { start, ark, arkUrl } = video
      ark.faults.set({ failBeforeAccept: 1 })
      const handle = await start(WORKFLOW, videoRequest)
      await hurry(handle, video, () => begins(video) > 1)
      await handle.cancel()
      const [lookedUp, begun] = [looks(video), begins(video)]
      await hurry(handle, video, () => looks(video) > lookedUp + 20)
      const id = await createEarlier(arkUrl, 'late', seedOfAttempt(1))
      await hurry(handle, video, () => ark.requests.some(({ method }) => method === 'DELETE'))
      expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'cancelled' } })
      expect(ark.requests.at(-1)).toMatchObject({ method: 'DELETE', path: `${TASKS}/${id}` })
      expect(begins(video)).toBe(begun)
    }))

  it('looks up what it asked for, and cancels it, though the cancellation comes while it begins again', () =>
    bench({ deadlineSeconds: 200, latencyMs: HOUR_MS, settleSeconds: 100 }, async (video) => {
      const { start, ark, arkUrl, main } = video
      let goOn: (() => void) | undefined
      main.onReport = ({ status }) => {
        if (status !== 'begin' || begins(video) !== 2) return
        return new Promise<void>((resolve) => {
          goOn = resolve
        })
      }
      ark.faults.set({ failBeforeAccept: 1 })
      const handle = await start(WORKFLOW, videoRequest)
      await hurry(handle, video, () => goOn !== undefined)
      const id = await createEarlier(arkUrl, 'late', seedOfAttempt(1))
      await handle.cancel()
      // The cancellation is in the history by then, before the answer.
      await eventually(async () => expect(await eventsOf(handle)).toContain('cancelRequested'))
      goOn?.()
      expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'cancelled' } })
      expect(ark.requests.at(-1)).toMatchObject({ method: 'DELETE', path: `${TASKS}/${id}` })
    }))
})

async function eventsOf(handle: Pick<Started, 'fetchHistory'>): Promise<string[]> {
  const { events } = await handle.fetchHistory()
  return (events ?? []).map((event) => (event.workflowExecutionCancelRequestedEventAttributes ? 'cancelRequested' : ''))
}
