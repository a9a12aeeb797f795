import type { Connection } from '@temporalio/client'
import { manyListeners } from '../integrations/shared/following-signal.js'
import { clientConnection } from '../lib/temporal-client.js'
import { IntegrationLoops } from './integration-loops.js'
import type { Logger } from './logger.js'
import type { PullLoop } from './pull-loop.js'
import type { Reconciler } from './reconciler.js'
import type { LoopStatus, ServedIntegration, TaskProcessorConfig } from './task-processor.js'
import { Watchdog } from './watchdog.js'

/** What lives from a processor's start to its stop: for each integration a loop that pulls, and one that reconciles. */
export class ProcessorSession {
  readonly #stopping = new AbortController()
  readonly #expired = new AbortController()
  readonly #connection: Connection
  readonly #served: Array<{ namespace: string; pulling: Watchdog<PullLoop>; reconciling: Watchdog<Reconciler> | null }>
  #ended: Promise<void> | null = null

  constructor(config: TaskProcessorConfig, integrations: ServedIntegration[], logger: Logger) {
    manyListeners(this.#stopping.signal, this.#expired.signal)
    this.#connection = clientConnection(config.temporalAddress, config.temporalSecurity)
    this.#served = integrations.map((integration) => this.#serve(config, integration, logger))
    for (const { pulling, reconciling } of this.#served) {
      pulling.start()
      reconciling?.start()
    }
  }

  statuses(): LoopStatus[] {
    return this.#served.map(({ namespace, pulling: { loop } }) => ({
      namespace,
      state: loop?.state ?? 'idle',
      closedBy: loop?.closedBy ?? null,
    }))
  }

  /** Called twice, it ends once. */
  end(graceMs: number): Promise<void> {
    this.#ended ??= this.#end(graceMs)
    return this.#ended
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const timer = setTimeout(() => this.#expired.abort(), graceMs)
    await Promise.all(this.#served.flatMap(({ pulling, reconciling }) => [pulling.stopped(), reconciling?.stopped()]))
    clearTimeout(timer)
    await this.#connection.close()
  }

  #serve(config: TaskProcessorConfig, integration: ServedIntegration, parent: Logger) {
    const { namespace } = integration
    const logger = parent.child({ namespace, taskQueue: integration.config.taskQueue })
    const expired = this.#expired.signal
    const loops = new IntegrationLoops({ config, integration, connection: this.#connection, expired, logger })
    const watched = { stopping: this.#stopping.signal, expired, onGivenUp: config.onGivenUp ?? noop, logger }
    return {
      namespace,
      pulling: new Watchdog({
        name: `pull ${namespace}`,
        create: (stopping, alive) => loops.createPullLoop(stopping, alive),
        ...watched,
      }),
      reconciling: loops.hasRunsToCheck
        ? new Watchdog({
            name: `reconcile ${namespace}`,
            create: (stopping, alive) => loops.createReconciler(stopping, alive),
            ...watched,
          })
        : null,
    }
  }
}

/** The watchdog's log says it already. */
function noop(): void {}
