/** One workflow under time skipping, with real activities, a provider's simulator, and a main that records. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { Worker } from '@temporalio/worker'
import pino from 'pino'
import { inject } from 'vitest'
import type { z } from 'zod'
import { application } from '@/application.js'
import { createArtifactStore } from '@/artifacts/index.js'
import * as definitions from '@/integrations/entries/definitions.js'
import type { AttemptInput, AttemptOutcome } from '@/protocol/attempt.js'
import { providerTaskQueue } from '@/protocol/names.js'
import type { ActivityContext, CreateActivities } from '@/provider-kit/activity-context.js'
import type { Integration } from '@/provider-kit/definition/define.js'
import { createTaskActivities } from '@/provider-kit/main-reports.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { RecordingMain } from '@/testing/recording-main.js'
import { withOutcome } from '@/testing/run-outcome.js'
import { TEST_TOKEN } from '../support/main.js'
import { bundleOf } from '../support/shared.js'
import '@/testing/quiet-temporal.js'

export { nextAttempt, RecordingMain } from '@/testing/recording-main.js'

type Sections = z.output<typeof application.sections>
type BenchContext = ActivityContext<Sections>

export interface WorkflowBench {
  start<Result>(
    workflow: string,
    requestParams: unknown,
    attempt?: number,
    of?: Partial<AttemptInput> & { workflowId?: string },
  ): Promise<WorkflowHandleWithFirstExecutionRunId<(input: AttemptInput) => Promise<AttemptOutcome<Result>>>>
  run<Result = unknown>(workflow: string, requestParams: unknown, attempt?: number): Promise<AttemptOutcome<Result>>
  main: RecordingMain
  artifactsDir: string
  env: TestWorkflowEnvironment
  /** What the worker's activities were given. */
  context: BenchContext
  taskQueue: string
  /** The names of the activities that the last run scheduled, in order. */
  activitiesOf(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<string[]>
}

interface BenchOptions {
  folder: string
  /** The workflows in place of the folder's own. */
  workflowsPath?: string | undefined
  createActivities?: CreateActivities<Sections>
  activities?: object
  /** Sections of the integrations' configuration, by name. */
  integrations?: Record<string, object>
  /** A main to report to in place of the one that records. */
  mainUrl?: string | undefined
}

let taskQueues = 0

/** Runs `test` beside a worker of one integration, over a fresh main and a fresh artifact folder. */
export async function withWorkflowBench(
  env: TestWorkflowEnvironment,
  {
    folder,
    workflowsPath = workflowsOf(folder),
    createActivities,
    activities = {},
    integrations = {},
    mainUrl,
  }: BenchOptions,
  test: (bench: WorkflowBench) => Promise<void>,
): Promise<void> {
  const main = await RecordingMain.start()
  main.token = TEST_TOKEN
  const artifactsDir = await mkdtemp(join(tmpdir(), 'artifacts-'))
  const context: BenchContext = {
    mainUrl: mainUrl ?? main.url,
    internalToken: TEST_TOKEN,
    artifacts: createArtifactStore({ dir: artifactsDir }, main.url),
    integrations: application.sections.parse({
      ...Object.fromEntries(Object.values<Integration>(definitions).map(withoutProvider)),
      ...integrations,
    }),
    providerPauses: createProviderPauses(),
    logger: pino({ level: 'silent' }),
  }
  const taskQueue = `bench-${process.pid}-${++taskQueues}`
  const common = {
    connection: env.nativeConnection,
    activities: { ...createTaskActivities(context), ...createActivities?.(context), ...activities },
  }
  const workflowBundle = { codePath: await bundleOf(workflowsPath) }
  const worker = await Worker.create({ ...common, taskQueue, workflowBundle })
  const providerWorker = await Worker.create({ ...common, taskQueue: providerTaskQueue(taskQueue) })
  const start: WorkflowBench['start'] = async (workflow, requestParams, attempt = 1, { workflowId, ...of } = {}) => {
    // Another host than main's own: only its path may count.
    const callbackUrl = 'http://main.invalid/api/test/report'
    const input = { ...main.task, attempt, callbackUrl, requestParams, ...of }
    const id = workflowId ?? `${taskQueue}:${attempt}`
    return withOutcome(await env.client.workflow.start(workflow, { taskQueue, workflowId: id, args: [input] }), attempt)
  }
  try {
    await runAllUntil([worker, providerWorker], () =>
      test({
        start,
        run: async (...args) => (await start(...args)).result() as never,
        main,
        artifactsDir,
        env,
        context,
        taskQueue,
        async activitiesOf(handle) {
          const { events } = await handle.fetchHistory()
          return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [])
        },
      }),
    )
  } finally {
    await main.stop()
    await rm(artifactsDir, { recursive: true, force: true })
  }
}

/** A section of which no provider is reached. */
function withoutProvider({ namespace, shape }: Integration): [string, object] {
  return [namespace, shape === 'polled' || shape === 'single' ? { simulatorUrl: 'http://127.0.0.1:9' } : {}]
}

/** Runs the workers for as long as `work` takes. */
function runAllUntil<T>([worker, ...others]: Worker[], work: () => Promise<T>): Promise<T> {
  return worker ? worker.runUntil(() => runAllUntil(others, work)) : work()
}

/** Time is skipped while a result is awaited and no activity runs. */
export function createTimeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  const path = inject('timeSkippingServerPath')
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })
}

/** For cancellations: the time-skipping server loses its place when it cancels an activity. */
export function createRealEnvironment(): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createFromExistingServer({ address: inject('temporalAddress') })
}

/** What was reported, as one reads it. */
export function statusesOf(main: RecordingMain): string[] {
  return main.reports.map((report) => report.status)
}

/** An integration's own workflows. */
function workflowsOf(folder: string): string {
  return fileURLToPath(new URL(`../../integrations/${folder}/workflows/index.ts`, import.meta.url))
}
