import type { PullModeOptions } from '../config/pull-mode.js'
import type { PullModeConfig } from '../integrations/index.js'
import type { ProviderPauses } from '../integrations/shared/provider-pauses.js'
import type { TemporalSecurity } from '../lib/temporal-client.js'
import { ConfigurationError, type LoopGivenUpError } from './errors.js'
import type { ClosedGate } from './gates.js'
import { createLogger, type Logger } from './logger.js'
import { ProcessorSession } from './processor-session.js'
import type { PullLoopState } from './pull-loop.js'

/** The options of `config/pull-mode.ts`, with their defaults there, and what names the other sides. */
export interface TaskProcessorConfig extends Partial<PullModeOptions> {
  /** Names this processor in logs, and in Temporal as the starter of its workflows. */
  instanceId: string
  /** How long a stop lets claims and starts under way go on, in milliseconds. Default: 10 000. */
  shutdownGraceMs?: number
  temporalAddress: string
  temporalNamespace: string
  temporalSecurity?: TemporalSecurity
  internalToken: string
  /** Whether a task queue's worker runs. Without it the processor claims whoever serves the queues. */
  isWorkerRunning?: (taskQueue: string) => boolean
  /** Which providers have asked this process to wait. Default: none has. */
  providerPauses?: Pick<ProviderPauses, 'pausedSeconds'>
  /** A loop died or hung again and again, and its integration is no longer served: the process had better end. */
  onGivenUp?: (error: LoopGivenUpError) => void
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
