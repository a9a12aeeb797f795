/** The ways through the workflows whose histories are stored: each is a run beside the real parts. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import * as testActivities from '@/integrations/test-async-task/activities/index.js'
import { stopPolling, triggerImmediatePoll } from '@/provider-kit/workflow/manual-handles.js'
import type { FaultPlan } from '@/tools/simulators/index.js'
import { imageRequest, withImageBench } from '../provider-kit/image-bench.js'
import {
  createEarlier,
  seedOfAttempt,
  type VideoBench,
  type VideoBenchOptions,
  videoRequest,
  withVideoBench,
} from '../provider-kit/video-bench.js'
import { nextAttempt, statusesOf, type WorkflowBench, withWorkflowBench } from '../provider-kit/workflow-bench.js'

/** What histories are recorded with. */
export interface Recorder {
  /** A server that skips time, and a real one that suggests to continue as new after `CONTINUE_AFTER_EVENTS`. */
  skipping: TestWorkflowEnvironment
  real: TestWorkflowEnvironment
  /** Stores a run's history under the path's name. */
  keep(name: string, bench: WorkflowBench, handle: Handle): Promise<void>
}

export const CONTINUE_AFTER_EVENTS = 30

export interface RecordedPath {
  /** Those of the histories that it gives: `<integration>/<path>`. */
  names: string[]
  record(recorder: Recorder): Promise<void>
}

type Handle = Awaited<ReturnType<WorkflowBench['start']>>

const HOUR_MS = 3600_000
const VIDEO = 'fangzhouVideoGeneration'
const IMAGE = 'nanobanana2ImageGeneration'
const TEST = 'test-async-task'
const patient = { asProvider: true, latencyMs: HOUR_MS, firstPollSeconds: 3600, deadlineSeconds: 100_000 }

/** As the daemon would name it; a server that runs only one at a time takes each as a new run of it. */
const workflowIdOf = (integration: string, attempt: number) => ({ workflowId: `${integration}:42:k7Qx2:${attempt}` })

interface VideoRun {
  on?: 'skipping' | 'real'
  options?: VideoBenchOptions
  faults?: FaultPlan
  prompt?: string
  attempt?: number
  /** What was before the run. */
  before?: (bench: VideoBench) => unknown
  /** What happens to it. */
  meanwhile?: (bench: VideoBench, handle: Handle) => Promise<unknown>
}

function video(path: string, run: VideoRun = {}): RecordedPath {
  const name = `${VIDEO}/${path}`
  return {
    names: [name],
    record: (recorder) =>
      withVideoBench(recorder[run.on ?? 'skipping'], run.options ?? {}, async (bench) => {
        const handle = await startVideo(bench, run)
        await run.meanwhile?.(bench, handle)
        await handle.result()
        await recorder.keep(name, bench, handle)
      }),
  }
}

async function startVideo(bench: VideoBench, { before, faults = {}, prompt, attempt = 1 }: VideoRun): Promise<Handle> {
  await before?.(bench)
  bench.ark.faults.set(faults)
  const request = { ...videoRequest, ...(prompt !== undefined && { prompt }) }
  return bench.start('videoPollingWorkflow', request, attempt, workflowIdOf(VIDEO, attempt))
}

const continuedAsNew: RecordedPath = {
  names: [`${VIDEO}/continued-as-new-first-run`, `${VIDEO}/continued-as-new-last-run`],
  record: ({ real, keep }) =>
    withVideoBench(
      real,
      { latencyMs: 14_000, deadlineSeconds: 60, requestTimeoutMs: 30_000, settleSeconds: 1 },
      async (bench) => {
        const last = await startVideo(bench, {})
        await last.result()
        const { workflowId, firstExecutionRunId } = last
        const first = real.client.workflow.getHandle(workflowId, firstExecutionRunId)
        await keep(`${VIDEO}/continued-as-new-first-run`, bench, { ...last, fetchHistory: () => first.fetchHistory() })
        await keep(`${VIDEO}/continued-as-new-last-run`, bench, last)
      },
    ),
}

const processing = async ({ main }: VideoBench) => {
  while (!statusesOf(main).includes('processing')) await new Promise((resolve) => setTimeout(resolve, 50))
}

function image(path: string, faults: FaultPlan = {}, prompt = imageRequest.prompt): RecordedPath {
  const name = `${IMAGE}/${path}`
  return {
    names: [name],
    record: ({ skipping, keep }) =>
      withImageBench(skipping, {}, async (bench) => {
        bench.gateway.faults.set(faults)
        const handle = await bench.start('imageGenerationWorkflow', { prompt }, 1, workflowIdOf(IMAGE, 1))
        await handle.result()
        await keep(name, bench, handle)
      }),
  }
}

function testTask(path: string, request: object): RecordedPath {
  const name = `${TEST}/${path}`
  return {
    names: [name],
    record: ({ skipping, keep }) =>
      withWorkflowBench(skipping, { folder: TEST, activities: testActivities }, async (bench) => {
        const handle = await bench.start('asyncTestTaskWorkflow', request, 1, workflowIdOf('testAsyncTask', 1))
        await handle.result()
        await keep(name, bench, handle)
      }),
  }
}

export const RECORDED_PATHS: RecordedPath[] = [
  video('completed'),
  video('not-now-then-completed', { faults: { rateLimited: 2 } }),
  video('create-lost-and-found', { faults: { acceptThenReset: 1 } }),
  video('create-lost-and-repeated', {
    options: { requestTimeoutMs: 5000, settleSeconds: 10 },
    faults: { failBeforeAccept: 1 },
  }),
  video('refused-by-main', {
    before: ({ main }) => {
      main.state = { ...main.state, runId: 'another-run' }
    },
  }),
  video('refused-at-create', { prompt: 'No. [refuse]' }),
  video('refused-at-finish', { options: { latencyMs: 0 }, prompt: 'Hm. [fail]' }),
  video('resumed-by-second-attempt', {
    attempt: 2,
    before: async ({ main, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier')
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
    },
  }),
  video('found-by-second-attempt', {
    attempt: 2,
    before: async ({ main, arkUrl }) => {
      await createEarlier(arkUrl, 'earlier', seedOfAttempt(1))
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
    },
  }),
  video('cancelled-at-deadline', {
    options: { latencyMs: HOUR_MS, deadlineSeconds: 10, requestTimeoutMs: 8000, settleSeconds: 1 },
  }),
  video('polling-stopped', {
    on: 'real',
    options: patient,
    meanwhile: async (bench, handle) => {
      await processing(bench)
      await handle.signal(stopPolling, 'ada')
    },
  }),
  video('polled-at-once', {
    on: 'real',
    options: { ...patient, latencyMs: 0 },
    meanwhile: async (bench, handle) => {
      await processing(bench)
      await handle.signal(triggerImmediatePoll)
    },
  }),
  video('cancelled', {
    on: 'real',
    options: patient,
    meanwhile: async (bench, handle) => {
      await processing(bench)
      await handle.cancel()
    },
  }),
  continuedAsNew,
  image('completed'),
  image('not-now-then-completed', { rateLimited: 2 }),
  image('refused', {}, 'No. [refuse]'),
  image('answer-lost', { acceptThenReset: 1 }),
  testTask('simple', { kind: 'simple' }),
  testTask('delayed', { kind: 'delayed', delayMs: 1000 }),
  testTask('multi-step', { kind: 'multiStep', failures: 1 }),
  testTask('long-running', { kind: 'longRunning', durationMs: 100 }),
]
