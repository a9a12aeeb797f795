/**
 * The supervised worker of one integration: built, run, and rebuilt when it dies. With activities it consists of two
 * Temporal workers: one for the integration's queue, and one for its requests to the provider, which has a rate limit.
 * They start and stop together.
 */
import { pathToFileURL } from 'node:url'
import { type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker'
import { pause } from '../lib/abort.js'
import { backoff } from '../lib/backoff.js'
import { createRedactor, secretsOf } from '../lib/redaction.js'
import { providerTaskQueue } from '../protocol/names.js'
import type { Activities, ActivityContext, CreateActivities } from '../provider-kit/activity-context.js'
import { createTaskActivities } from '../provider-kit/main-reports.js'
import { describeError, WorkflowBundleError } from './errors.js'
import type { Logger } from './logger.js'
import { redactingInterceptor } from './redacting-interceptor.js'
import { runSpans, tracedActivities } from './tracing.js'
import type { IntegrationWorkflowInfo, WorkerConfig } from './types.js'

/**
 * - `idle`: not started
 * - `building`: bundling workflows, loading activities
 * - `running`: polling its task queue
 * - `failing`: could not be built, or died; rebuilt after a pause
 * - `stopping`, `stopped`
 */
export type IntegrationWorkerState = (typeof WORKER_STATES)[number]
export const WORKER_STATES = ['idle', 'building', 'running', 'failing', 'stopping', 'stopped'] as const

export interface IntegrationWorkerOptions {
  info: IntegrationWorkflowInfo
  connection: NativeConnection
  temporalNamespace: string
  /** Without it, activities that need a context are not registered. */
  activityContext: ActivityContext | null
  /** Gives the bundle of its workflows, or throws once the signal is aborted. */
  bundle: (info: IntegrationWorkflowInfo, signal: AbortSignal) => Promise<WorkflowBundleOption>
  config: WorkerConfig
  logger: Logger
}

/** The part of the grace time after which activities are cancelled; they can end properly in the rest. */
export const CANCEL_AFTER = 0.8

export class IntegrationWorker {
  readonly #stopping = new AbortController()
  #state: IntegrationWorkerState = 'idle'
  #workers: Worker[] = []
  #started: Promise<void> | null = null
  #supervision: Promise<void> | null = null
  #error: Error | null = null

  constructor(private readonly options: IntegrationWorkerOptions) {}

  get name(): string {
    return this.options.info.name
  }

  get taskQueue(): string {
    return this.options.info.taskQueue
  }

  get state(): IntegrationWorkerState {
    return this.#state
  }

  /** Why it is `failing`. */
  get error(): Error | null {
    return this.#error
  }

  get isRunning(): boolean {
    return this.#state === 'running' && this.#workers.every((worker) => worker.getState() === 'RUNNING')
  }

  /** Resolves once the worker runs, or has failed for the first time. */
  start(): Promise<void> {
    this.#started ??= new Promise((resolve) => {
      this.#supervision = this.#supervise(resolve).finally(resolve)
    })
    return this.#started
  }

  /** Stops polling, lets work in flight finish within the grace time; resolves when the worker is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#supervision
    this.#state = 'stopped'
  }

  async #supervise(onFirstResult: () => void): Promise<void> {
    const { restart } = this.options.config
    const signal = this.#stopping.signal
    for (let failures = 0; !signal.aborted; ) {
      let runningSince: number | null = null
      try {
        this.#state = 'building'
        const workers = await this.#build(failures)
        runningSince = performance.now()
        await this.#run(workers, onFirstResult)
      } catch (error) {
        if (signal.aborted) return this.#reportEndWhileStopping(error)
        const ranLongEnough = runningSince !== null && performance.now() - runningSince > restart.max
        failures = ranLongEnough ? 1 : failures + 1
        // What cannot be bundled cannot be until its sources change, and each try keeps the process busy.
        const isBundler = error instanceof WorkflowBundleError
        const ms = Math.round(backoff(isBundler ? { ...restart, first: restart.max } : restart, failures))
        this.#reportFailure(error, ms)
        onFirstResult()
        await pause(ms, signal)
      }
    }
  }

  /** Ends when the workers have been stopped; throws if one dies, or did not stop in time. */
  async #run(workers: Worker[], onRunning: () => void): Promise<void> {
    const signal = this.#stopping.signal
    const shutDown = () => {
      this.#state = 'stopping'
      shutDownAll(workers)
    }
    this.#workers = workers
    const runs = workers.map((worker) => worker.run())
    this.#state = 'running'
    this.#error = null
    this.options.logger.info('worker running')
    onRunning()
    if (signal.aborted) shutDown()
    signal.addEventListener('abort', shutDown, { once: true })
    try {
      await Promise.all(runs)
    } finally {
      signal.removeEventListener('abort', shutDown)
      shutDownAll(workers)
      await Promise.allSettled(runs)
      this.#workers = []
    }
  }

  async #build(failures: number): Promise<Worker[]> {
    const { info, connection, temporalNamespace, config, bundle } = this.options
    const { signal } = this.#stopping
    const workflowBundle = await bundle(info, signal)
    signal.throwIfAborted()
    const activities = await this.#loadActivities(failures)
    const common = {
      connection,
      namespace: temporalNamespace,
      activities,
      interceptors: { activity: [tracedActivities, redactingInterceptor(this.#redactor())] },
      sinks: runSpans,
      shutdownGraceTime: config.shutdownGraceMs * CANCEL_AFTER,
      shutdownForceTime: config.shutdownGraceMs,
    }
    const worker = await Worker.create({ ...common, taskQueue: info.taskQueue, workflowBundle })
    const sendsRequests = info.activitiesPath !== null && Object.keys(activities).length > 0
    if (!sendsRequests) return [worker]
    const { requestsPerMinute } = info
    try {
      const providerWorker = await Worker.create({
        ...common,
        taskQueue: providerTaskQueue(info.taskQueue),
        ...(requestsPerMinute !== undefined && { maxTaskQueueActivitiesPerSecond: requestsPerMinute / 60 }),
      })
      return [worker, providerWorker]
    } catch (error) {
      await discard(worker)
      throw error
    }
  }

  /** Of all integrations: one integration's text may contain another's secret. */
  #redactor() {
    const { internalToken, integrations } = this.options.activityContext ?? {}
    return createRedactor(secretsOf({ internalToken, integrations }))
  }

  /** What every integration shares, then the integration's own. */
  async #loadActivities(failures: number): Promise<Activities> {
    const { info, activityContext } = this.options
    const shared = activityContext ? createTaskActivities(activityContext) : {}
    if (info.activitiesPath === null) return shared

    // Node caches a failed module under its name, so each retry needs another name.
    const suffix = failures === 0 ? '' : `?try=${failures}`
    const module = (await import(`${pathToFileURL(info.activitiesPath).href}${suffix}`)) as Record<string, unknown>
    const { createActivities, ...others } = module
    const own = Object.entries(others).filter(([, value]) => typeof value === 'function')
    return {
      ...shared,
      ...(Object.fromEntries(own) as Activities),
      ...(activityContext && createActivities ? (createActivities as CreateActivities)(activityContext) : {}),
    }
  }

  #reportFailure(error: unknown, retryInMs: number): void {
    this.#state = 'failing'
    this.#error = error instanceof Error ? error : new Error(String(error))
    this.options.logger.error({ err: error, retryInMs }, `worker failed, building it again: ${describeError(error)}`)
  }

  #reportEndWhileStopping(error: unknown): void {
    const wasOnlyBuilding = error === this.#stopping.signal.reason
    if (!wasOnlyBuilding)
      this.options.logger.warn({ err: error }, `worker did not stop in order: ${describeError(error)}`)
  }
}

/** A worker that was never run blocks its task queue in this process for its successor. */
async function discard(worker: Worker): Promise<void> {
  const run = worker.run()
  worker.shutdown()
  await run
}

function shutDownAll(workers: Worker[]): void {
  for (const worker of workers) {
    if (worker.getState() === 'RUNNING') worker.shutdown()
  }
}
