import { Client, type Connection } from '@temporalio/client'
import { type PullModeOptions, pullModeSchema } from '../config/pull-mode.js'
import { AdaptiveInterval } from './adaptive-interval.js'
import { QueueGate, workerGate } from './gates.js'
import type { Logger } from './logger.js'
import { MainClient } from './main-client.js'
import { PullLoop } from './pull-loop.js'
import { Reconciler } from './reconciler.js'
import { RunInspector } from './run-inspector.js'
import type { LoopStatus, ServedIntegration, TaskProcessorConfig } from './task-processor.js'
import { TaskReports } from './task-reports.js'
import { TaskStarter } from './task-starter.js'
import { processorConnection } from './temporal-connection.js'

/** What lives from a processor's start to its stop: for each integration a loop that pulls, and one that reconciles. */
export class ProcessorSession {
  readonly #stopping = new AbortController()
  readonly #expired = new AbortController()
  readonly #connection: Connection
  readonly #served: Array<{ namespace: string; loop: PullLoop; reconciler: Reconciler | null }>
  #ended: Promise<void> | null = null

  constructor(config: TaskProcessorConfig, integrations: ServedIntegration[], logger: Logger) {
    this.#connection = processorConnection(config.temporalAddress, config.temporalSecurity)
    this.#served = integrations.map((integration) => this.#serve(config, integration, logger))
    for (const { loop, reconciler } of this.#served) {
      loop.start()
      reconciler?.start()
    }
  }

  statuses(): LoopStatus[] {
    return this.#served.map(({ namespace, loop }) => ({ namespace, state: loop.state, closedBy: loop.closedBy }))
  }

  /** Called twice, it ends once. */
  end(graceMs: number): Promise<void> {
    this.#ended ??= this.#end(graceMs)
    return this.#ended
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const timer = setTimeout(() => this.#expired.abort(), graceMs)
    await Promise.all(this.#served.flatMap(({ loop, reconciler }) => [loop.stopped(), reconciler?.stopped()]))
    clearTimeout(timer)
    await this.#connection.close()
  }

  #serve(config: TaskProcessorConfig, { namespace, config: integration }: ServedIntegration, parent: Logger) {
    const { internalToken, temporalNamespace, isWorkerRunning } = config
    const { pollIntervalMs, maxPollIntervalMs, waitSeconds, batchSize, startConcurrency, ...options } =
      withDefaults(config)
    const { maxBacklog, requestTimeoutMs, temporalTimeoutMs, uncheckedForSeconds, reconcileIntervalMs } = options
    const { taskQueue, internalAPIs } = integration
    const { runsToCheck } = internalAPIs
    const connection = this.#connection
    const signals = { stopping: this.#stopping.signal, expired: this.#expired.signal }
    const logger = parent.child({ namespace, taskQueue })

    const main = new MainClient({ internalToken, requestTimeoutMs })
    const client = new Client({ connection, namespace: temporalNamespace, identity: config.instanceId })
    const inspector = new RunInspector({ client, connection, timeoutMs: temporalTimeoutMs })
    const reports = new TaskReports({ main, url: internalAPIs.reportTaskEvent, ...signals })
    const runs = {
      namespace,
      config: integration,
      reports,
      inspector,
      client,
      connection,
      temporalTimeoutMs,
      ...signals,
    }
    const queueGate = new QueueGate({
      connection,
      temporalNamespace,
      taskQueue,
      maxBacklog,
      timeoutMs: temporalTimeoutMs,
    })
    const loop = new PullLoop({
      fetchTasks: (query, signal) => main.fetchPendingTasks(internalAPIs.fetchPendingTasks, query, signal),
      reports,
      starter: new TaskStarter(runs),
      gates: [...(isWorkerRunning ? [workerGate(taskQueue, isWorkerRunning)] : []), queueGate],
      batchSize,
      startConcurrency,
      waitSeconds,
      interval: new AdaptiveInterval({ pollIntervalMs, maxPollIntervalMs }),
      stopping: signals.stopping,
      forgetGates: () => queueGate.forget(),
      logger,
    })
    const reconciler =
      runsToCheck === undefined
        ? null
        : new Reconciler({
            ...runs,
            fetchRuns: (limit, signal) => main.fetchRunsToCheck(runsToCheck, { limit, uncheckedForSeconds }, signal),
            intervalMs: reconcileIntervalMs,
            logger,
          })
    return { namespace, loop, reconciler }
  }
}

/** An option that is given as undefined is not given. */
function withDefaults(config: TaskProcessorConfig): PullModeOptions {
  return pullModeSchema.strip().parse(config)
}
