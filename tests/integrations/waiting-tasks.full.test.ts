/** What people see of tasks under way, and what one attempt leaves to the next: real workflows beside a real main. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createActivities as createVideoActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { stopPolling } from '@/provider-kit/workflow/manual-handles.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { type ImageBench, type ImageBenchOptions, withImageBench } from '../provider-kit/image-bench.js'
import {
  createRealEnvironment,
  createTimeSkippingEnvironment,
  type WorkflowBench,
  withWorkflowBench,
} from '../provider-kit/workflow-bench.js'
import { startTestMain, type TestMain } from '../support/main.js'

const HOUR_MS = 3600_000
const APIS = {
  image: ['nanobanana2ImageGeneration', 'reportNanobanana2Result', 'imageGenerationWorkflow'],
  video: ['fangzhouVideoGeneration', 'reportFangzhouVideoResult', 'videoPollingWorkflow'],
} as const
type Kind = keyof typeof APIS

let skipping: TestWorkflowEnvironment
let real: TestWorkflowEnvironment
let main: TestMain
beforeAll(async () => {
  ;[skipping, real, main] = await Promise.all([
    createTimeSkippingEnvironment(),
    createRealEnvironment(),
    startTestMain(),
  ])
})
afterAll(() => Promise.all([skipping.teardown(), real.teardown(), main.stop()]))

/** A task of main's, whose attempts are started by hand. */
class Task {
  #attempts = 0

  static async create(kind: Kind): Promise<Task> {
    const { taskId } = (await main.post(`/api/${kind}/generate`, { prompt: 'A lighthouse in fog' })).body
    const { tasks } = (await main.internalGet(`/api/${APIS[kind][0]}/fetchPendingTasks?limit=100`)).body
    const { id, requestParams } = tasks.find(({ taskKey }: { taskKey: string }) => taskKey === taskId)
    return new Task(kind, taskId, id, requestParams)
  }

  private constructor(
    readonly kind: Kind,
    readonly taskKey: string,
    readonly id: string,
    readonly requestParams: unknown,
  ) {}

  async shown() {
    return (await main.get(`/api/${this.kind}/tasks/${this.taskKey}`)).body
  }

  report(report: object) {
    const [namespace, reportAPI] = APIS[this.kind]
    return main.internalPost(`/api/${namespace}/${reportAPI}`, { apiCallId: this.id, ...report })
  }

  retryNow() {
    const retry = { apiCallId: this.id, by: 'ada' }
    return main.internalPost(`/api/${APIS[this.kind][0]}/retryTask`, retry)
  }

  /** Claims the next attempt, and starts its workflow. */
  async start({ start }: Pick<WorkflowBench, 'start'>) {
    const [namespace, reportAPI, workflow] = APIS[this.kind]
    expect(await this.report({ status: 'queued' })).toMatchObject({ status: 200 })
    const callbackUrl = `http://main.invalid/api/${namespace}/${reportAPI}`
    const of = { apiCallId: this.id, taskKey: this.taskKey, callbackUrl, workflowId: `${this.id}:${++this.#attempts}` }
    return start(workflow, this.requestParams, this.#attempts, of)
  }

  async run(bench: Pick<WorkflowBench, 'start'>) {
    return (await this.start(bench)).result()
  }
}

const imageBench = (
  env: TestWorkflowEnvironment,
  options: ImageBenchOptions,
  test: (bench: ImageBench) => Promise<void>,
) => withImageBench(env, { mainUrl: main.url, ...options }, test)

describe('an image', () => {
  it('is shown as processing while it is made, and what became of it is not guessed where its run is lost', () =>
    imageBench(real, { latencyMs: HOUR_MS }, async (bench) => {
      const task = await Task.create('image')
      const handle = await task.start(bench)
      await expect.poll(() => bench.gateway.requests.length).toBe(1)
      expect(await task.shown()).toMatchObject({ status: 'processing', attempts: 0 })

      await handle.terminate()
      const { runs } = (await main.internalGet(`/api/${APIS.image[0]}/runsToCheck?uncheckedForSeconds=0`)).body
      const { attempt, fencingToken } = runs.find(({ apiCallId }: { apiCallId: string }) => apiCallId === task.id)
      const error = { code: 'workflow_terminated', message: '' }
      const verdict = { status: 'failed', attempt, fencingToken, error, retryable: true }
      expect(await task.report(verdict)).toMatchObject({ status: 200 })

      await task.retryNow()
      expect(await task.run(bench)).toMatchObject({ error: { code: 'create_answer_lost' }, retryable: false })
      expect(bench.gateway.requests).toHaveLength(1)
    }))

  it.each([
    ['was answered without one', 'failAtFinish', {}],
    ['was refused', 'accessDenied', {}],
    ['was put off until the deadline', 'rateLimited', { deadlineSeconds: 10 }],
  ])('is made by the next attempt where the request of the first %s: nothing of it is open', (_how, fault, options) =>
    imageBench(skipping, options, async (bench) => {
      bench.gateway.faults.set({ [fault]: 1 })
      bench.gateway.faults.retryAfterSeconds = 600
      const task = await Task.create('image')
      expect(await task.run(bench)).toMatchObject({ outcome: 'failed', providerEnded: true })
      expect((await task.shown()).timeline).toMatchObject([
        {},
        { type: 'begun' },
        { type: 'processing' },
        { type: 'failed' },
      ])

      await task.retryNow()
      expect(await task.run(bench)).toMatchObject({ outcome: 'completed' })
      expect(bench.gateway.requests).toHaveLength(2)
    }),
  )

  it('that the gateway puts off says so for as long as it waits', () =>
    imageBench(skipping, {}, async (bench) => {
      bench.gateway.faults.set({ rateLimited: 1 })
      bench.gateway.faults.retryAfterSeconds = 300
      const task = await Task.create('image')
      const handle = await task.start(bench)
      const reason = { code: expect.any(String), message: expect.stringContaining('rate limit') }
      const waitingFor = { ...reason, since: expect.any(Number), nextTryAt: expect.any(Number) }
      await expect.poll(() => task.shown()).toMatchObject({ status: 'processing', waitingFor })

      expect(await handle.result()).toMatchObject({ outcome: 'completed' })
      const { waitingFor: over, timeline } = await task.shown()
      expect(over).toBeNull()
      expect(timeline.filter(({ type }: { type: string }) => type === 'waiting')).toMatchObject([{ reason }])
    }))
})

it('a video whose provider cannot be reached says so while it is queued', async () => {
  const port = await freePort()
  await withWorkflowBench(
    real,
    {
      folder: 'fangzhouVideoGeneration',
      createActivities: createVideoActivities,
      integrations: { fangzhouVideoGeneration: { simulatorUrl: `http://127.0.0.1:${port}` } },
      mainUrl: main.url,
    },
    async (bench) => {
      const task = await Task.create('video')
      const handle = await task.start(bench)
      const reason = { code: 'NoAnswer', message: expect.stringContaining(`connect ECONNREFUSED 127.0.0.1:${port}`) }
      await expect
        .poll(() => task.shown())
        .toMatchObject({ status: 'queued', waitingFor: reason, timeline: [{}, {}, { type: 'waiting', reason }] })
      await handle.signal(stopPolling, 'ada')
      expect(await handle.result()).toMatchObject({ error: { code: 'polling_stopped' } })
      expect(await task.shown()).toMatchObject({ status: 'failed', waitingFor: null })
    },
  )
})
