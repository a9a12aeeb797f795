/** The async-task component: one worker per integration, and the task processor that starts their workflows. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { IIntegration, PullModeConfig } from '../integrations/index.js'
import { pause } from '../lib/abort.js'
import { type Backoff, BY_A_FIFTH, backoff } from '../lib/backoff.js'
import type { ServedMetrics } from '../lib/metrics.js'
import { type TemporalTarget, temporalTarget } from '../lib/temporal-client.js'
import type { ActivityContext } from '../provider-kit/activity-context.js'
import { countMetrics } from './count-metrics.js'
import { ConfigurationError, describeError } from './errors.js'
import { type ComponentStatus, HealthServer } from './health-server.js'
import type { ServedIntegration } from './integration-loops.js'
import { CANCEL_AFTER } from './integration-worker.js'
import type { Logger } from './logger.js'
import { TaskProcessor } from './task-processor.js'
import type { AsyncTaskComponentConfig, IntegrationWorkflowInfo } from './types.js'
import { WorkerManager } from './worker-manager.js'
import { collectIntegrationWorkflows } from './workflow-collector.js'

export interface AsyncTaskComponentOptions {
  config: AsyncTaskComponentConfig
  /** The application's integrations by namespace; those without pull mode are not served. */
  integrations: Array<{ namespace: string; integration: Pick<IIntegration, 'getPullModeConfig'> }>
  activityContext: ActivityContext
  integrationsPath: string
  /** Where workflow bundles are cached between starts. Without it, each start bundles. */
  bundlesFolder?: string
  /** The component cannot go on: the process should stop it and exit. */
  onFatal?: (error: Error) => void
  logger: Logger
}

const RECONNECT_MS: Backoff = { first: 1000, max: 30_000, jitter: BY_A_FIFTH }

export class AsyncTaskComponent {
  readonly #options: AsyncTaskComponentOptions
  readonly #target: TemporalTarget
  readonly #workers: WorkerManager
  readonly #processor: TaskProcessor
  /** Both only with a port. */
  readonly #metrics: ServedMetrics | null = null
  readonly #health: HealthServer | null = null
  readonly #stopping = new AbortController()
  #ready: Promise<boolean> | null = null
  #stopped: Promise<void> | null = null

  constructor(options: AsyncTaskComponentOptions) {
    const { config, integrations, activityContext, bundlesFolder, onFatal, logger } = options
    this.#options = options
    this.#target = temporalTarget(config.temporal)
    const { address, namespace, security } = this.#target
    const { shutdownGraceMs } = config
    this.#workers = new WorkerManager(address, namespace, {
      activityContext,
      security,
      bundlesFolder,
      shutdownGraceMs,
      logger,
    })
    this.#processor = new TaskProcessor({
      instanceId: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
      ...config.pullMode,
      shutdownGraceMs,
      temporalAddress: address,
      temporalNamespace: namespace,
      temporalSecurity: security,
      internalToken: config.internalApiToken,
      isWorkerRunning: (taskQueue) => this.#workers.isRunning(taskQueue),
      providerPauses: activityContext.providerPauses,
      ...(onFatal && { onGivenUp: onFatal }),
      logger,
    })
    const { host, port } = config.health
    if (port === undefined) return
    const { providerPauses } = activityContext
    const status = () => this.status()
    const metrics = countMetrics({ status, served: pullModeIntegrations(integrations), providerPauses })
    this.#metrics = metrics
    this.#health = new HealthServer({
      host,
      port,
      status,
      readMetrics: metrics.read,
      metricsToken: config.metrics.token,
      logLevel: { logger, internalToken: config.internalApiToken },
    })
  }

  /**
   * Starts the health server, the loops, and the workers as soon as Temporal can be reached: neither main nor Temporal
   * has to be up yet. Nothing is claimed for an integration before its worker runs.
   *
   * @returns once everything has been started; `ready()` tells when workers run
   * @throws ConfigurationError naming every integration that no worker serves
   */
  async start(): Promise<void> {
    const { integrationsPath, integrations, config, logger } = this.#options
    const infos = await collectIntegrationWorkflows(integrationsPath)
    const served = config.pullMode.enabled ? pullModeIntegrations(integrations) : []
    assertServed(served, infos)
    if (this.#stopping.signal.aborted) return

    const { address, namespace } = this.#target
    logger.info({ temporal: { address, namespace }, integrations: infos.map(({ name }) => name) }, 'starting')
    const health = await this.#health?.start()
    if (health !== undefined) logger.info({ health }, 'health is served')
    this.#warnOfShortGrace(served)
    if (this.#stopping.signal.aborted) return this.#health?.stop()
    await this.#processor.start(served)
    this.#ready = this.#startWorkers(infos.map((info) => ({ ...info, requestsPerMinute: rateLimitOf(info, served) })))
  }

  /** Whether the workers have been started: true once each runs or has been reported, false if stopped before. */
  async ready(): Promise<boolean> {
    return (await this.#ready) ?? false
  }

  /** The state of each integration's worker and loop, and why it is not serving. */
  status(): ComponentStatus {
    return { workers: this.#workers.statuses(), loops: this.#processor.statuses() }
  }

  /** Graceful shutdown: stops claiming, lets starts and workers finish within `shutdownGraceMs`, closes connections. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#processor.stop(), this.#workers.stopAll()])
    await this.#processor.leave()
    await this.#ready
    await this.#workers.disconnect()
    await this.#health?.stop()
    this.#metrics?.stop()
    this.#options.logger.info('stopped')
  }

  /** A request whose answer is lost may still be charged for. */
  #warnOfShortGrace(served: ServedIntegration[]): void {
    const { logger } = this.#options
    const { shutdownGraceMs } = this.#options.config
    for (const { namespace: integration, config } of served) {
      const { requestTimeoutMs = 0 } = config
      if (requestTimeoutMs <= shutdownGraceMs * CANCEL_AFTER) continue
      const remedy = `set shutdownGraceMs to ${Math.ceil(requestTimeoutMs / CANCEL_AFTER)} or more, and what the supervisor waits above it, or lower requestTimeoutMs`
      logger.warn({ integration, requestTimeoutMs, shutdownGraceMs }, `a stop may cut off requests: ${remedy}`)
    }
  }

  async #startWorkers(infos: IntegrationWorkflowInfo[]): Promise<boolean> {
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#workers.connect(signal)
        break
      } catch (error) {
        if (signal.aborted) return false
        failures += 1
        const retryInMs = Math.round(backoff(RECONNECT_MS, failures))
        this.#options.logger.warn({ retryInMs }, `no workers yet: ${describeError(error)}`)
        await pause(retryInMs, signal)
      }
    }
    if (signal.aborted) return false
    this.#workers.createWorkers(infos)
    await this.#workers.startAll()
    if (signal.aborted) return false
    const failing = this.#workers.statuses().filter(({ state }) => state !== 'running')
    this.#options.logger.info({ failing: failing.map(({ name }) => name) }, 'ready')
    return true
  }
}

function pullModeIntegrations(integrations: AsyncTaskComponentOptions['integrations']): ServedIntegration[] {
  return integrations.flatMap(({ namespace, integration }) => {
    const config = integration.getPullModeConfig?.()
    return config?.enabled ? [{ namespace, config }] : []
  })
}

function rateLimitOf({ taskQueue }: IntegrationWorkflowInfo, served: ServedIntegration[]): number | undefined {
  return served.find(({ config }) => config.taskQueue === taskQueue)?.config.requestsPerMinute
}

/** If a module could not be loaded its workflows are unknown: then its worker reports the error. */
function assertServed(served: ServedIntegration[], infos: IntegrationWorkflowInfo[]): void {
  const mistakes = served.flatMap(({ namespace, config }) => mistakesOf(namespace, config, infos))
  if (mistakes.length > 0) throw new ConfigurationError(mistakes.join('\n'))
}

function mistakesOf(
  namespace: string,
  { taskQueue, workflowName }: PullModeConfig,
  infos: IntegrationWorkflowInfo[],
): string[] {
  const info = infos.find((candidate) => candidate.taskQueue === taskQueue)
  if (!info) {
    const queues = infos.map((candidate) => candidate.taskQueue).join(', ') || 'none'
    return [`Integration ${namespace}: no worker serves its task queue ${taskQueue}. There are: ${queues}`]
  }
  if (info.workflowNames === null || info.workflowNames.includes(workflowName)) return []
  const names = info.workflowNames.join(', ') || 'nothing'
  return [
    `Integration ${namespace}: its workflow ${workflowName} is not in ${info.workflowsPath}, which exports ${names}`,
  ]
}
