/** Makes the loops of one integration, and what they share. */
import { Client, type Connection } from '@temporalio/client'
import { type PullModeOptions, pullModeSchema } from '../config/pull-mode.js'
import { AdaptiveInterval } from './adaptive-interval.js'
import { providerGate, QueueGate, workerGate } from './gates.js'
import type { Logger } from './logger.js'
import { MainClient } from './main-client.js'
import { PullLoop } from './pull-loop.js'
import { Reconciler } from './reconciler.js'
import { RunInspector } from './run-inspector.js'
import type { ServedIntegration, TaskProcessorConfig } from './task-processor.js'
import { TaskReports } from './task-reports.js'
import { TaskStarter } from './task-starter.js'

export interface IntegrationLoopsOptions {
  config: TaskProcessorConfig
  integration: ServedIntegration
  connection: Connection
  /** Aborted when what is under way has to end. */
  expired: AbortSignal
  logger: Logger
}

export class IntegrationLoops {
  readonly #options: IntegrationLoopsOptions
  readonly #pullMode: PullModeOptions
  readonly #main: MainClient
  readonly #client: Client
  readonly #inspector: RunInspector

  constructor(options: IntegrationLoopsOptions) {
    const { config, connection } = options
    this.#options = options
    // An option that is given as undefined is not given.
    this.#pullMode = pullModeSchema.strip().parse(config)
    const { requestTimeoutMs, temporalTimeoutMs } = this.#pullMode
    this.#main = new MainClient({ internalToken: config.internalToken, requestTimeoutMs })
    this.#client = new Client({ connection, namespace: config.temporalNamespace, identity: config.instanceId })
    this.#inspector = new RunInspector({ client: this.#client, connection, timeoutMs: temporalTimeoutMs })
  }

  get hasRunsToCheck(): boolean {
    return this.#options.integration.config.internalAPIs.runsToCheck !== undefined
  }

  createPullLoop(stopping: AbortSignal, alive: () => void): PullLoop {
    const { config, integration, connection, logger } = this.#options
    const { pollIntervalMs, maxPollIntervalMs, waitSeconds, batchSize, startConcurrency } = this.#pullMode
    const { maxBacklog, temporalTimeoutMs: timeoutMs } = this.#pullMode
    const { taskQueue, internalAPIs } = integration.config
    const { temporalNamespace, isWorkerRunning, providerPauses } = config

    const queueGate = new QueueGate({ connection, temporalNamespace, taskQueue, maxBacklog, timeoutMs })
    const runs = this.#runs(stopping)
    return new PullLoop({
      fetchTasks: (query, signal) => this.#main.fetchPendingTasks(internalAPIs.fetchPendingTasks, query, signal),
      reports: runs.reports,
      starter: new TaskStarter(runs),
      gates: [
        ...(isWorkerRunning ? [workerGate(taskQueue, isWorkerRunning)] : []),
        ...(providerPauses ? [providerGate(taskQueue, providerPauses)] : []),
        queueGate,
      ],
      batchSize,
      startConcurrency,
      waitSeconds,
      interval: new AdaptiveInterval({ pollIntervalMs, maxPollIntervalMs }),
      stopping,
      forgetGates: () => queueGate.forget(),
      alive,
      logger,
    })
  }

  createReconciler(stopping: AbortSignal, alive: () => void): Reconciler {
    const { integration, logger } = this.#options
    const { uncheckedForSeconds, reconcileIntervalMs: intervalMs } = this.#pullMode
    const url = integration.config.internalAPIs.runsToCheck ?? ''
    return new Reconciler({
      ...this.#runs(stopping),
      fetchRuns: (limit, signal) => this.#main.fetchRunsToCheck(url, { limit, uncheckedForSeconds }, signal),
      intervalMs,
      alive,
      logger,
    })
  }

  /** What it takes to look after runs. */
  #runs(stopping: AbortSignal) {
    const { integration, connection, expired } = this.#options
    const { namespace, config } = integration
    return {
      namespace,
      config,
      reports: new TaskReports({ main: this.#main, url: config.internalAPIs.reportTaskEvent, stopping, expired }),
      inspector: this.#inspector,
      client: this.#client,
      connection,
      temporalTimeoutMs: this.#pullMode.temporalTimeoutMs,
      stopping,
      expired,
    }
  }
}
