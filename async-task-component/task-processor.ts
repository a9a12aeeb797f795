import type { Connection } from '@temporalio/client'
import { manyListeners } from '../lib/abort.js'
import { clientConnection, type TemporalSecurity } from '../lib/temporal-client.js'
import type { RoundOutcome } from './adaptive-interval.js'
import { ConfigurationError } from './errors.js'
import type { ClosedGate } from './gates.js'
import {
  createIntegrationLoops,
  type IntegrationLoops,
  type IntegrationLoopsConfig,
  type ServedIntegration,
} from './integration-loops.js'
import { createLogger, type Logger } from './logger.js'
import type { PullLoopState } from './pull-loop-states.js'

export interface TaskProcessorConfig extends IntegrationLoopsConfig {
  /** How long a stop waits for claims and starts in flight, in milliseconds. Default: 10 000. */
  shutdownGraceMs?: number
  temporalAddress: string
  temporalSecurity?: TemporalSecurity
  logger?: Logger
}

export interface LoopStatus {
  namespace: string
  state: PullLoopState
  /** The gate that is closed, if one is. */
  closedBy: ClosedGate['reason'] | null
  lastRound: RoundOutcome | null
  /** Its loops that died too often, and are not replaced any more. */
  dead: string[]
}

/** What exists from a start to its stop. */
interface Session {
  stopping: AbortController
  expired: AbortController
  connection: Connection
  served: IntegrationLoops[]
  ended?: Promise<void>
}

/** Pulls tasks from main and starts their workflows: one independent loop per integration. */
export class TaskProcessor {
  readonly #config: TaskProcessorConfig
  readonly #logger: Logger
  #session: Session | null = null
  #served: IntegrationLoops[] = []

  constructor(config: TaskProcessorConfig) {
    this.#config = config
    this.#logger = (config.logger ?? createLogger()).child({ instanceId: config.instanceId })
  }

  /**
   * Starts the loops and returns; neither main nor Temporal has to be up yet. Disabled integrations are left out.
   * @throws ConfigurationError if it is started already, or a namespace is named twice
   */
  async start(integrations: ServedIntegration[]): Promise<void> {
    if (this.#session) throw new ConfigurationError('The task processor is started already')
    const namespaces = integrations.map(({ namespace }) => namespace)
    const twice = namespaces.find((namespace, index) => namespaces.indexOf(namespace) !== index)
    if (twice !== undefined) throw new ConfigurationError(`Namespace ${twice} is named twice`)

    const [stopping, expired] = [new AbortController(), new AbortController()]
    manyListeners(stopping.signal, expired.signal)
    const connection = clientConnection(this.#config.temporalAddress, this.#config.temporalSecurity)
    const signals = { stopping: stopping.signal, expired: expired.signal }
    const served = integrations
      .filter(({ config }) => config.enabled)
      .map((integration) => createIntegrationLoops(integration, this.#config, connection, signals, this.#logger))
    this.#served = served
    this.#session = { stopping, expired, connection, served }
    for (const { pulling, reconciling } of served) {
      pulling.start()
      reconciling?.start()
    }
    this.#logger.info({ namespaces }, 'task processor started')
  }

  /** The state of each integration's loop. */
  statuses(): LoopStatus[] {
    const served = this.#session?.served ?? []
    return served.map(({ namespace, pulling, reconciling }) => ({
      namespace,
      state: pulling.loop?.state ?? 'idle',
      closedBy: pulling.loop?.closedBy ?? null,
      lastRound: pulling.loop?.lastRound ?? null,
      dead: [pulling.isGivenUp ? 'pull' : [], reconciling?.isGivenUp ? 'reconcile' : []].flat(),
    }))
  }

  /** Graceful shutdown: stops claiming, releases what is not started, lets starts in flight finish, then resolves. */
  async stop(): Promise<void> {
    const session = this.#session
    if (!session) return
    // A second call joins the first.
    session.ended ??= end(session, this.#config.shutdownGraceMs ?? 10_000)
    await session.ended
    if (this.#session === session) this.#session = null
    this.#logger.info('task processor stopped')
  }

  /** Tells main that this process is gone: call it last. */
  async leave(): Promise<void> {
    await Promise.all(this.#served.map(({ leave }) => leave()))
  }
}

async function end({ stopping, expired, connection, served }: Session, graceMs: number): Promise<void> {
  stopping.abort()
  const timer = setTimeout(() => expired.abort(), graceMs)
  await Promise.all(served.flatMap(({ pulling, reconciling }) => [pulling.stopped(), reconciling?.stopped()]))
  clearTimeout(timer)
  await connection.close()
}
