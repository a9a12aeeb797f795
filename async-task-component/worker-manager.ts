import type { NativeConnection } from '@temporalio/worker'
import pLimit from 'p-limit'
import { BY_A_FIFTH } from '../lib/backoff.js'
import type { TemporalSecurity } from '../lib/temporal-client.js'
import type { ActivityContext } from '../provider-kit/activity-context.js'
import { BundleCache } from './bundle-cache.js'
import { ConfigurationError } from './errors.js'
import { IntegrationWorker, type IntegrationWorkerState } from './integration-worker.js'
import { createLogger, type Logger } from './logger.js'
import { workerConnection } from './temporal-connection.js'
import type { IntegrationWorkflowInfo, WorkerConfig } from './types.js'
import { bundleWorkflows } from './workflow-bundle.js'

export interface WorkerManagerOptions extends Partial<WorkerConfig> {
  /** The context of activities; without it, only those that need none are registered. */
  activityContext?: ActivityContext
  security?: TemporalSecurity
  /** Where workflow bundles are cached between starts. Without it, each start bundles. */
  bundlesFolder?: string | undefined
  logger?: Logger
}

export interface WorkerStatus {
  name: string
  taskQueue: string
  state: IntegrationWorkerState
  error: Error | null
}

const DEFAULT_WORKER_CONFIG: WorkerConfig = {
  shutdownGraceMs: 10_000,
  restart: { first: 1000, max: 60_000, jitter: BY_A_FIFTH },
}

/** Runs one Temporal Worker per integration; they start and stop together, but fail separately. */
export class WorkerManager {
  readonly #logger: Logger
  #connection: NativeConnection | null = null
  #workers: IntegrationWorker[] = []

  constructor(
    private readonly address: string,
    private readonly temporalNamespace: string,
    private readonly options: WorkerManagerOptions = {},
  ) {
    this.#logger = options.logger ?? createLogger()
  }

  /**
   * One try.
   * @param signal ends it early
   * @throws TemporalUnavailableError; the signal's reason when aborted
   */
  async connect(signal: AbortSignal = new AbortController().signal): Promise<void> {
    this.#connection ??= await workerConnection(this.address, this.options.security ?? {}, signal)
  }

  /** Prepares a worker for each integration; nothing is built before `startAll`. */
  createWorkers(infos: IntegrationWorkflowInfo[]): void {
    const connection = this.#connection
    if (!connection) throw new ConfigurationError('createWorkers needs a connection: call connect() first')
    if (this.#workers.length > 0) throw new ConfigurationError('The workers are created already')
    const { shutdownGraceMs, restart } = { ...DEFAULT_WORKER_CONFIG, ...this.options }
    const { bundlesFolder } = this.options
    const make = (workflowsPath: string) => {
      this.#logger.info({ workflowsPath }, 'bundling workflows')
      return bundleWorkflows(workflowsPath)
    }
    const cache = bundlesFolder === undefined ? undefined : new BundleCache(bundlesFolder, make)
    // Making a worker blocks the process's only thread, so workers take turns.
    const takeTurn = pLimit(1)
    const bundle = ({ name, workflowsPath }: IntegrationWorkflowInfo, signal: AbortSignal) =>
      takeTurn(() => {
        signal.throwIfAborted()
        return cache ? cache.bundle(name, workflowsPath) : make(workflowsPath)
      })
    this.#workers = infos.map(
      (info) =>
        new IntegrationWorker({
          info,
          connection,
          temporalNamespace: this.temporalNamespace,
          activityContext: this.options.activityContext ?? null,
          bundle,
          config: { shutdownGraceMs, restart },
          logger: this.#logger.child({ integration: info.name, taskQueue: info.taskQueue }),
        }),
    )
  }

  /** Resolves once each worker runs, or has failed for the first time; failed ones are retried. */
  async startAll(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.start()))
  }

  /** Drains all workers within the grace time; afterwards new ones may be created. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()))
    this.#workers = []
  }

  /** Stops what still runs, and closes the connection. */
  async disconnect(): Promise<void> {
    await this.stopAll()
    await this.#connection?.close()
    this.#connection = null
  }

  isRunning(taskQueue: string): boolean {
    return this.#workers.some((worker) => worker.taskQueue === taskQueue && worker.isRunning)
  }

  statuses(): WorkerStatus[] {
    return this.#workers.map(({ name, taskQueue, state, error }) => ({ name, taskQueue, state, error }))
  }
}
