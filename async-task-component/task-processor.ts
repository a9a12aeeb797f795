import { Client, type Connection } from '@temporalio/client'
import type { PullModeConfig } from '../integrations/index.js'
import { AdaptiveInterval } from './adaptive-interval.js'
import { ConfigurationError } from './errors.js'
import { type ClosedGate, QueueGate, workerGate } from './gates.js'
import { createLogger, type Logger } from './logger.js'
import { MainClient } from './main-client.js'
import { PullLoop, type PullLoopState } from './pull-loop.js'
import { RunInspector } from './run-inspector.js'
import { TaskReports } from './task-reports.js'
import { TaskStarter } from './task-starter.js'
import { processorConnection, type TemporalSecurity } from './temporal-connection.js'

export interface TaskProcessorConfig {
  /** Names this processor in logs, and in Temporal as the starter of its workflows. */
  instanceId: string
  /** Pause between polls while tasks keep coming, in milliseconds. */
  pollIntervalMs: number
  /** To what the pause grows while none do. Default: five times `pollIntervalMs`. */
  maxPollIntervalMs?: number
  /** Most tasks fetched at once, per integration. */
  batchSize: number
  /** Workflow starts under way at once, per integration. Default: 8. */
  startConcurrency?: number
  /** Most tasks that may wait in an integration's Temporal queues before claiming pauses. Default: 1000. */
  maxBacklog?: number
  /** For how long main may park a fetch while it has no task, in seconds; 0 for not at all. Default: 20. */
  waitSeconds?: number
  /** How long one request to main may take beyond that, in milliseconds. Default: 10 000. */
  requestTimeoutMs?: number
  /** How long one call to Temporal may take, in milliseconds. Default: 5000. */
  temporalTimeoutMs?: number
  /** How long a stop lets claims and starts under way go on, in milliseconds. Default: 10 000. */
  shutdownGraceMs?: number
  temporalAddress: string
  temporalNamespace: string
  temporalSecurity?: TemporalSecurity
  internalToken: string
  /** Whether a task queue's worker runs. Without it the processor claims whoever serves the queues. */
  isWorkerRunning?: (taskQueue: string) => boolean
  logger?: Logger
}

export interface ServedIntegration {
  namespace: string
  config: PullModeConfig
}

export interface LoopStatus {
  namespace: string
  state: PullLoopState
  /** The gate that is closed, if one is. */
  closedBy: ClosedGate['reason'] | null
}

/** Pulls tasks from main and starts their workflows: one independent loop per integration. */
export class TaskProcessor {
  readonly #config: TaskProcessorConfig
  readonly #logger: Logger
  #session: Session | null = null

  constructor(config: TaskProcessorConfig) {
    this.#config = config
    this.#logger = (config.logger ?? createLogger()).child({ instanceId: config.instanceId })
  }

  /**
   * Starts the loops and returns; neither main nor Temporal needs to be there yet. Disabled ones are left out.
   * @throws ConfigurationError where it is started already, or a namespace is named twice
   */
  async start(integrations: ServedIntegration[]): Promise<void> {
    if (this.#session) throw new ConfigurationError('The task processor is started already')
    const namespaces = integrations.map(({ namespace }) => namespace)
    const twice = namespaces.find((namespace, index) => namespaces.indexOf(namespace) !== index)
    if (twice !== undefined) throw new ConfigurationError(`Namespace ${twice} is named twice`)

    this.#session = new Session(
      this.#config,
      integrations.filter(({ config }) => config.enabled),
      this.#logger,
    )
    this.#logger.info({ namespaces }, 'task processor started')
  }

  /** What each integration's loop is doing. */
  statuses(): LoopStatus[] {
    return this.#session?.statuses() ?? []
  }

  /** Stops claiming, gives back what is not started, lets starts under way finish; resolves when that is done. */
  async stop(): Promise<void> {
    const session = this.#session
    if (!session) return
    await session.end(this.#config.shutdownGraceMs ?? 10_000)
    if (this.#session === session) this.#session = null
    this.#logger.info('task processor stopped')
  }
}

/** What lives from a start to its stop. */
class Session {
  readonly #stopping = new AbortController()
  readonly #expired = new AbortController()
  readonly #connection: Connection
  readonly #loops: Array<{ namespace: string; loop: PullLoop }>
  #ended: Promise<void> | null = null

  constructor(config: TaskProcessorConfig, integrations: ServedIntegration[], logger: Logger) {
    this.#connection = processorConnection(config.temporalAddress, config.temporalSecurity)
    this.#loops = integrations.map((integration) => ({
      namespace: integration.namespace,
      loop: this.#createLoop(config, integration, logger),
    }))
    for (const { loop } of this.#loops) loop.start()
  }

  statuses(): LoopStatus[] {
    return this.#loops.map(({ namespace, loop }) => ({ namespace, state: loop.state, closedBy: loop.closedBy }))
  }

  /** Called twice, it ends once. */
  end(graceMs: number): Promise<void> {
    this.#ended ??= this.#end(graceMs)
    return this.#ended
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const timer = setTimeout(() => this.#expired.abort(), graceMs)
    await Promise.all(this.#loops.map(({ loop }) => loop.stopped()))
    clearTimeout(timer)
    await this.#connection.close()
  }

  #createLoop(config: TaskProcessorConfig, { namespace, config: integration }: ServedIntegration, parent: Logger) {
    const { pollIntervalMs, batchSize, internalToken, temporalNamespace, isWorkerRunning } = config
    const { maxPollIntervalMs = 5 * pollIntervalMs, startConcurrency = 8, maxBacklog = 1000 } = config
    const { requestTimeoutMs = 10_000, temporalTimeoutMs = 5000, waitSeconds = 20 } = config
    const { taskQueue, internalAPIs } = integration
    const connection = this.#connection
    const signals = { stopping: this.#stopping.signal, expired: this.#expired.signal }
    const logger = parent.child({ namespace, taskQueue })

    const main = new MainClient({ internalToken, requestTimeoutMs })
    const client = new Client({ connection, namespace: temporalNamespace, identity: config.instanceId })
    const inspector = new RunInspector({ client, connection, timeoutMs: temporalTimeoutMs })
    const reports = new TaskReports({ main, url: internalAPIs.reportTaskEvent, ...signals })
    const queueGate = new QueueGate({
      connection,
      temporalNamespace,
      taskQueue,
      maxBacklog,
      timeoutMs: temporalTimeoutMs,
    })
    return new PullLoop({
      fetchTasks: (query, signal) => main.fetchPendingTasks(internalAPIs.fetchPendingTasks, query, signal),
      reports,
      starter: new TaskStarter({
        namespace,
        config: integration,
        reports,
        client,
        connection,
        inspector,
        temporalTimeoutMs,
        ...signals,
      }),
      gates: [...(isWorkerRunning ? [workerGate(taskQueue, isWorkerRunning)] : []), queueGate],
      batchSize,
      startConcurrency,
      waitSeconds,
      interval: new AdaptiveInterval({ pollIntervalMs, maxPollIntervalMs }),
      stopping: signals.stopping,
      forgetGates: () => queueGate.forget(),
      logger,
    })
  }
}
