/** Main's manual handles on a run in a real Temporal, and the provider's callback. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { attemptWorkflowId } from '@/protocol/names.js'
import { providerCallbackUrl } from '@/protocol/provider-callback.js'
import { type VideoBench, videoRequest, withVideoBench } from '../provider-kit/video-bench.js'
import { createRealEnvironment } from '../provider-kit/workflow-bench.js'
import { startTestMain, type TestMain } from '../support/main.js'

const NAMESPACE = 'fangzhouVideoGeneration'
const API = `/api/${NAMESPACE}`
const HOUR_MS = 3600_000
/** It looks for the first time in an hour, unless somebody makes it. */
const patient = { asProvider: true, firstPollSeconds: 3600, deadlineSeconds: 100_000 }

let env: TestWorkflowEnvironment
let main: TestMain
let log = ''
beforeAll(async () => {
  env = await createRealEnvironment()
  const write = (line: string) => {
    log += line
  }
  const logger = pino({ level: 'debug' }, { write })
  main = await startTestMain({ logger })
})
afterAll(async () => {
  await Promise.all([env.teardown(), main.stop()])
})

/** A task in main, claimed; and its run, which reports to the bench's own main. */
async function startRun(bench: VideoBench) {
  const created = await main.post('/api/video/generate', videoRequest)
  const taskKey = created.body.taskId as string
  const apiCallId = await main.rowIdOf(taskKey, NAMESPACE)
  await main.internalPost(`${API}/reportFangzhouVideoResult`, { apiCallId, status: 'queued' })
  bench.main.take(apiCallId, taskKey)
  const callbackUrl = `http://main.invalid${API}/reportFangzhouVideoResult`
  const workflowId = attemptWorkflowId(NAMESPACE, apiCallId, taskKey, 1)
  const run = () =>
    bench.start('videoPollingWorkflow', videoRequest, 1, { apiCallId, taskKey, callbackUrl, workflowId })
  return { apiCallId, taskKey, workflowId, run }
}

/** The address that Ark was given for the run. */
function callbackOf({ ark }: VideoBench): string {
  return z.object({ callback_url: z.url() }).parse(ark.requests[0]?.body).callback_url
}

async function callBack(url: string) {
  const response = await fetch(url, { method: 'POST', body: '{"status":"succeeded"}' })
  return { status: response.status, body: await response.json() }
}

const post = async (api: string, body: object) => (await main.internalPost(`${API}/${api}`, body)).body

describe('a run that waits', () => {
  it('tells how far it is, and looks or gives up when an operator says so', () =>
    withVideoBench(env, { ...patient, latencyMs: HOUR_MS }, async (bench) => {
      const { apiCallId: rowId, taskKey, workflowId, run } = await startRun(bench)
      // The public id names the task as well as the row's.
      const query = () => post('queryFangzhouVideoStatus', { apiCallId: taskKey })
      const apiCallId = rowId
      expect(await query()).toMatchObject({ status: 'queued', attempt: 1, reached: false, workflowStatus: null })
      expect(await post('triggerImmediatePoll', { apiCallId })).toMatchObject({ reached: false })

      const handle = await run()
      await expect.poll(query).toMatchObject({ progress: { phase: 'waiting', polls: 0 } })
      expect(await query()).toMatchObject({ taskId: taskKey, workflowId, reached: true, workflowStatus: 'RUNNING' })

      expect(await post('triggerImmediatePoll', { apiCallId })).toMatchObject({ success: true, reached: true })
      await expect.poll(query).toMatchObject({ progress: { polls: 1, providerStatus: 'queued' } })
      expect(await post('stopPolling', { apiCallId, by: 'ada' })).toMatchObject({ success: true, reached: true })
      expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'polling_stopped' } })

      expect(await query()).toMatchObject({ reached: false, workflowStatus: 'FAILED', progress: null })
      expect(await post('triggerImmediatePoll', { apiCallId })).toMatchObject({ reached: false })
      expect(await post('stopPolling', { apiCallId, by: 'ada' })).toMatchObject({ reached: false })
    }))

  it('looks when the provider calls back, without a word of the callback being believed', () =>
    withVideoBench(env, { ...patient, pollSeconds: 1, latencyMs: 2000, callbackBaseUrl: main.url }, async (bench) => {
      const { taskKey, run } = await startRun(bench)
      const handle = await run()
      // Nothing else would make it look within the hour.
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expect(bench.ark.requests.filter(({ method }) => method === 'GET').length).toBeGreaterThan(0)
      const url = callbackOf(bench)
      // The row's id is nobody's business outside.
      expect(url.startsWith(`${main.url}${API}/providerCallback/${taskKey}/1/`)).toBe(true)

      const forged = `${url.slice(0, -4)}${url.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
      expect(await callBack(forged)).toMatchObject({ status: 401 })
      expect(await callBack(url.replace('/1/', '/2/'))).toMatchObject({ status: 401 })
      expect(JSON.stringify(await handle.fetchHistory())).not.toContain('providerCallback')
    }))

  it('is told once in a poll interval, however often the provider, or somebody else, calls back', () =>
    withVideoBench(
      env,
      { ...patient, pollSeconds: 600, latencyMs: HOUR_MS, callbackBaseUrl: main.url },
      async (bench) => {
        const { apiCallId, run } = await startRun(bench)
        const handle = await run()
        await expect
          .poll(() => post('queryFangzhouVideoStatus', { apiCallId }))
          .toMatchObject({ progress: { polls: 0 } })
        const url = callbackOf(bench)
        const answers = await Promise.all(Array.from({ length: 100 }, () => callBack(url)))
        expect(answers.filter(({ body }) => body.reached)).toHaveLength(1)
        expect(answers.every(({ status }) => status === 200)).toBe(true)
        for (const spelling of ['01', '+1', '1e0', '1.0', '%201', '0x1', '1%00']) {
          expect((await callBack(url.replace('/1/', `/${spelling}/`))).status, spelling).toBe(400)
        }
        const { events } = await handle.fetchHistory()
        expect(events?.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(1)
        // An operator need not wait for the interval's end.
        await post('triggerImmediatePoll', { apiCallId })
        await expect.poll(() => bench.ark.requests.filter(({ method }) => method === 'GET')).toHaveLength(1)
        await handle.terminate()

        const [, signature = ''] = /([^/]+)$/.exec(url) ?? []
        expect(log).toContain('providerCallback')
        expect(log).not.toContain(signature)
      },
    ))
})

it('an unknown task is not found, and without the token nobody is let in', async () => {
  expect(await main.internalPost(`${API}/triggerImmediatePoll`, { apiCallId: '1' })).toMatchObject({ status: 404 })
  expect(await main.post(`${API}/stopPolling`, { apiCallId: '1', by: 'ada' })).toMatchObject({ status: 401 })
  expect(await main.internalPost(`${API}/stopPolling`, { apiCallId: '1' })).toMatchObject({
    status: 400,
    body: { fields: [{ field: 'by' }] },
  })
})

it('where Temporal is away, main says so, and does not take that for "not reached"', async () => {
  const away = await startTestMain({ temporalAddress: '127.0.0.1:9' })
  try {
    const { body } = await away.post('/api/video/generate', videoRequest)
    for (const [api, more] of [
      ['queryFangzhouVideoStatus', {}],
      ['triggerImmediatePoll', {}],
      ['stopPolling', { by: 'ada' }],
    ] as const) {
      const answer = await away.internalPost(`${API}/${api}`, { apiCallId: body.taskId, ...more })
      expect(answer).toMatchObject({
        status: 503,
        body: { success: false, error: expect.stringContaining('Temporal'), requestId: expect.any(String) },
      })
    }
  } finally {
    await away.stop()
  }
})

it('a callback for an attempt that is over, or was never begun, is no matter for Temporal', async () => {
  // Where it were asked, main would answer 503.
  const away = await startTestMain({ temporalAddress: '127.0.0.1:9' })
  try {
    const taskKey = (await away.post('/api/video/generate', videoRequest)).body.taskId
    const apiCallId = await away.rowIdOf(taskKey, NAMESPACE)
    const report = (of: object) => away.internalPost(`${API}/reportFangzhouVideoResult`, { apiCallId, ...of })
    const url = (attempt: number) =>
      providerCallbackUrl(away.url, away.token, `${away.url}${API}/reportFangzhouVideoResult`, {
        taskKey,
        attempt,
      })
    expect(await callBack(url(1))).toEqual({ status: 200, body: { reached: false } })
    await report({ status: 'queued' })
    expect(await callBack(url(2))).toEqual({ status: 200, body: { reached: false } })
    const failure = { error: { code: 'broken', message: 'broken' }, retryable: false }
    expect(await report({ status: 'failed', attempt: 1, runId: 'run-1', ...failure })).toMatchObject({ status: 200 })
    // Another main has not heard of the first callback.
    expect(await callBack(url(3))).toEqual({ status: 200, body: { reached: false } })
  } finally {
    await away.stop()
  }
})
