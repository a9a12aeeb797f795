/** Main's manual handles on a run in a real Temporal, and the provider's callback. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { attemptWorkflowId } from '@/integrations/shared/names.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { type VideoBench, videoRequest, withVideoBench } from './video-bench.js'
import { createRealEnvironment } from './workflow-support.js'

const NAMESPACE = 'fangzhouVideoGeneration'
const API = `/api/${NAMESPACE}`
const HOUR_MS = 3600_000
/** It looks for the first time in an hour, unless somebody makes it. */
const patient = { asProvider: true, firstPollSeconds: 3600, deadlineSeconds: 100_000 }

let env: TestWorkflowEnvironment
let main: TestMain
beforeAll(async () => {
  env = await createRealEnvironment()
  main = await startTestMain()
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
  bench.main.taskKey = taskKey
  const callbackUrl = `http://main.invalid${API}/reportFangzhouVideoResult`
  const workflowId = attemptWorkflowId(NAMESPACE, apiCallId, taskKey, 1)
  const run = () =>
    bench.start('videoPollingWorkflow', videoRequest, 1, { apiCallId, taskKey, callbackUrl, workflowId })
  return { apiCallId, taskKey, workflowId, run }
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

      expect(await query()).toMatchObject({ reached: false, workflowStatus: 'COMPLETED', progress: null })
      expect(await post('triggerImmediatePoll', { apiCallId })).toMatchObject({ reached: false })
      expect(await post('stopPolling', { apiCallId, by: 'ada' })).toMatchObject({ reached: false })
    }))

  it('looks at once when the provider calls back, without a word of the callback being believed', () =>
    withVideoBench(env, { ...patient, latencyMs: 2000, callbackBaseUrl: main.url }, async (bench) => {
      const { run } = await startRun(bench)
      const handle = await run()
      // Nothing else would make it look within the hour.
      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      expect(bench.ark.requests.filter(({ method }) => method === 'GET').length).toBeGreaterThan(0)
      const { callback_url: url } = z.object({ callback_url: z.url() }).parse(bench.ark.requests[0]?.body)
      expect(url.startsWith(`${main.url}${API}/providerCallback/`)).toBe(true)

      const callBack = async (path: string) => {
        const response = await fetch(path, { method: 'POST', body: '{"status":"succeeded"}' })
        return { status: response.status, body: await response.json() }
      }
      expect(await callBack(url)).toEqual({ status: 200, body: { reached: false } })
      const forged = `${url.slice(0, -4)}${url.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
      expect(await callBack(forged)).toMatchObject({ status: 401 })
      expect(await callBack(url.replace('/1/', '/2/'))).toMatchObject({ status: 401 })
      expect(JSON.stringify(await handle.fetchHistory())).not.toContain('providerCallback')
    }))
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
