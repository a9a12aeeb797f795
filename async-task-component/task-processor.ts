import type { PullModeConfig } from '../integrations/index.js'
import { ConfigurationError } from './errors.js'
import type { ClosedGate } from './gates.js'
import { createLogger, type Logger } from './logger.js'
import { ProcessorSession } from './processor-session.js'
import type { PullLoopState } from './pull-loop.js'
import type { TemporalSecurity } from './temporal-connection.js'

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
  /** Pause between rounds of looking at runs that are under way, in milliseconds. Default: 15 000. */
  reconcileIntervalMs?: number
  /** Runs that were looked at more recently than this are left alone, in seconds. Default: 60. */
  uncheckedForSeconds?: number
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
  #session: ProcessorSession | null = null

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

    this.#session = new ProcessorSession(
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
