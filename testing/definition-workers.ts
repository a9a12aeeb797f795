/** The workers of one definition on a Temporal server for tests, and each task's own world that they work in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationFailure, CompleteAsyncError, Context } from '@temporalio/activity'
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import type { History } from '@temporalio/common/lib/proto-utils.js'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { Worker } from '@temporalio/worker'
import type { AttemptInput, AttemptOutcome } from '../protocol/attempt.js'
import { providerTaskQueue } from '../protocol/names.js'
import type { ActivityContext } from '../provider-kit/activity-context.js'
import type { Simulator, SimulatorOptions } from '../simulator/index.js'
import {
  type AnyIntegration,
  activitiesOf,
  type Bundle,
  bundleOf,
  contextOf,
  type DefinitionParts,
  sectionFor,
} from './definition-parts.js'
import './quiet-temporal.js'
import { RecordingMain } from './recording-main.js'
import { withOutcome } from './run-outcome.js'

export interface TaskOptions {
  /** Options of its section, for this one. */
  section?: object | undefined
  simulator?: SimulatorOptions | undefined
  /** With one, the simulator is taken for the provider itself, and the section's own settings count. */
  apiKey?: string | undefined
}

type Handle = WorkflowHandleWithFirstExecutionRunId<(input: AttemptInput) => Promise<AttemptOutcome>>

/** One task, with all that its run has to do with. */
export interface IntegrationBench {
  /** Main, with this task alone. */
  main: RecordingMain
  /** Where a simulator was given. */
  provider: Simulator
  providerUrl: string | undefined
  /** How many requests the provider has accepted, and charges for. */
  paid(): number
  /** Runs an attempt of the task to its end. Default: the first, of the definition's `example`. */
  run(request?: object, attempt?: number): Promise<AttemptOutcome>
  start(request?: object, attempt?: number): Promise<Handle>
  /** The names of the activities that a run scheduled, in order. */
  activitiesOf(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<string[]>
  artifactsDir: string
  /** What the worker's process has logged of the task. */
  logs: string[]
  context: ActivityContext
  /** The worker of this activity's nth run dies when all is done, before Temporal learns of that. */
  dieAt(activity: string, nth: number): void
}

/** A run that takes so long has got stuck. */
const STUCK_MS = 20_000
const LOOK_MS = 2000
/** Each step of a run is done as by a worker that has never seen it. */
const FORGETFUL = { maxCachedWorkflows: 0 }

type Perform = (name: string, args: unknown[]) => Promise<unknown>

/** One pair of workers for all tasks: each task's activities are its own, told by the run's workflow id. */
export class DefinitionWorkers {
  static #opened = 0
  readonly #tasks = new Map<string, Perform>()
  readonly #running: Promise<void>[]

  private constructor(
    readonly env: TestWorkflowEnvironment,
    private readonly definition: AnyIntegration,
    private readonly parts: DefinitionParts,
    readonly bundle: Bundle,
    private readonly taskQueue: string,
    private readonly workers: Worker[],
    route: { perform: (workflowId: string) => Perform | undefined },
  ) {
    route.perform = (workflowId) => this.#tasks.get(workflowId)
    this.#running = workers.map((worker) => worker.run())
  }

  static async open(
    env: TestWorkflowEnvironment,
    definition: AnyIntegration,
    parts: DefinitionParts,
  ): Promise<DefinitionWorkers> {
    const taskQueue = `bench-${process.pid}-${++DefinitionWorkers.#opened}`
    const bundle = await bundleOf(definition, parts)
    const route: { perform: (workflowId: string) => Perform | undefined } = { perform: () => undefined }
    const perform: Perform = async (name, args) => {
      const { workflowExecution } = Context.current().info
      const task = route.perform(workflowExecution?.workflowId ?? '')
      if (!task) throw ApplicationFailure.nonRetryable('The test of this run is over')
      return task(name, args)
    }
    const names = Object.keys(
      activitiesOf(definition, parts, contextOf(definition, parts.section ?? {}, 'http://127.0.0.1:9', '')),
    )
    const activities = Object.fromEntries(
      names.map((name) => [name, (...args: unknown[]): Promise<unknown> => perform(name, args)]),
    )
    const common = { connection: env.nativeConnection, activities }
    const workers = await Promise.all([
      Worker.create({ ...common, taskQueue, workflowBundle: bundle, ...(env.supportsTimeSkipping && FORGETFUL) }),
      Worker.create({ ...common, taskQueue: providerTaskQueue(taskQueue) }),
    ])
    return new DefinitionWorkers(env, definition, parts, bundle, taskQueue, workers, route)
  }

  async close(): Promise<void> {
    for (const worker of this.workers) if (worker.getState() === 'RUNNING') worker.shutdown()
    await Promise.all(this.#running)
  }

  /** Runs `test` with a task of its own, over a fresh main, a fresh simulator and a fresh artifact folder. */
  async withTask(options: TaskOptions, test: (bench: IntegrationBench) => Promise<void>): Promise<void> {
    const { definition, parts, taskQueue } = this
    const provider = parts.createSimulator?.({ latencyMs: 0, slowBodyMs: 50, ...options.simulator })
    const [main, started, artifactsDir] = await Promise.all([
      RecordingMain.start(),
      provider?.start(),
      mkdtemp(join(tmpdir(), 'artifacts-')),
    ])
    const logs: string[] = []
    const section = { ...sectionFor(started?.url, options.apiKey), ...parts.section, ...options.section }
    const context = contextOf(definition, section, main.url, artifactsDir, main.token, logs)
    const own = activitiesOf(definition, parts, context)
    const deaths = new Set<string>()
    const performed: Record<string, number> = {}
    const perform: Perform = async (name, args) => {
      performed[name] = (performed[name] ?? 0) + 1
      const result = await own[name]?.(...args)
      return deaths.has(`${name} ${performed[name]}`) ? die() : result
    }
    const workflowIds: string[] = []
    const start: IntegrationBench['start'] = async (request = definition.example, attempt = 1) => {
      const workflowId = `${taskQueue}:${++tasks}:${attempt}`
      workflowIds.push(workflowId)
      this.#tasks.set(workflowId, perform)
      // Another host than main's own: only its path may count.
      const callbackUrl = 'http://main.invalid/api/test/report'
      const input: AttemptInput = { ...main.task, attempt, callbackUrl, requestParams: request }
      const { workflow } = this
      const handle = await this.env.client.workflow.start(workflow, { taskQueue, workflowId, args: [input] })
      return withOutcome(handle as Handle, attempt)
    }
    try {
      await test({
        main,
        provider: provider as Simulator,
        providerUrl: started?.url,
        paid: () => provider?.requests.filter(({ created }) => created).length ?? 0,
        start,
        run: async (request, attempt) => this.outcomeOf(await start(request, attempt)),
        activitiesOf: async (handle) => scheduledIn(await handle.fetchHistory()).map(({ name }) => name),
        artifactsDir,
        logs,
        context,
        dieAt: (activity, nth) => void deaths.add(`${activity} ${nth}`),
      })
    } finally {
      for (const workflowId of workflowIds) this.#tasks.delete(workflowId)
      await Promise.all([main.stop(), provider?.stop()])
      await rm(artifactsDir, { recursive: true, force: true })
    }
  }

  /** @throws Error that says why, where the run has no end */
  async outcomeOf(handle: Handle): Promise<AttemptOutcome> {
    const result = handle.result()
    for (let looks = 1; ; looks++) {
      const ended = new AbortController()
      const later = delay(LOOK_MS, undefined, { signal: ended.signal }).catch(() => undefined)
      const outcome = await Promise.race([result, later]).finally(() => ended.abort())
      if (outcome) return outcome
      const { events } = await handle.fetchHistory()
      const failures = (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => failed?.failure ?? [])
      if (failures.length < 2 && looks * LOOK_MS < STUCK_MS) continue
      result.catch(() => 'it was terminated')
      await handle.terminate('it is stuck')
      throw new Error(`The run is stuck: ${failures.at(-1)?.message ?? `no end within ${STUCK_MS / 1000} s`}`)
    }
  }

  private get workflow(): string {
    const { shape, workflowName } = this.definition
    return this.parts.workflows ? workflowName : `${shape}Workflow`
  }
}

/** For Temporal it is a try without an end, which is repeated; what is not repeated is given up when its time is over. */
function die(): never {
  const { retryPolicy } = Context.current().info
  if (retryPolicy?.maximumAttempts === 1) throw new CompleteAsyncError()
  throw ApplicationFailure.retryable('The worker has died', 'worker_died')
}

let tasks = 0

/** The activities that a run has scheduled, with when, in milliseconds. */
export function scheduledIn({ events }: History): Array<{ name: string; at: number }> {
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled, eventTime }) => {
    const name = scheduled?.activityType?.name
    return name ? [{ name, at: Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6 }] : []
  })
}
