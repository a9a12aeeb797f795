/** Sets up the loops of one integration: one that pulls, and one that reconciles, each under a watchdog. */
import type { Connection } from '@temporalio/client'
import { type PullModeOptions, pullModeSchema } from '../config/pull-mode.js'
import type { PullModeConfig } from '../integrations/index.js'
import { observation } from '../lib/observation.js'
import { packageVersion } from '../lib/package-version.js'
import { DAY_SECONDS } from '../protocol/limits.js'
import type { ProviderPauses } from '../provider-kit/provider/pauses.js'
import { AdaptiveInterval } from './adaptive-interval.js'
import { BatchClaims } from './batch-claims.js'
import { BoundedTemporal } from './bounded-temporal.js'
import type { LoopGivenUpError } from './errors.js'
import { providerGate, QueueGate, workerGate } from './gates.js'
import type { Logger } from './logger.js'
import { MainClient } from './main-client.js'
import { PullLoop } from './pull-loop.js'
import { Reconciler } from './reconciler.js'
import { RunInspector } from './run-inspector.js'
import { RunLabels } from './run-labels.js'
import { TaskReports } from './task-reports.js'
import { TaskStarter } from './task-starter.js'
import type { StopSignals } from './types.js'
import { type Loop, Watchdog, type WatchdogOptions } from './watchdog.js'

const LEAVE_TIMEOUT_MS = 2000
/** Longer than from the end of a long poll to that of the next one. While a gate is closed there is none. */
const NO_RUNS_FOR_MS = 40_000

/** A loop died or hung, and has a successor. */
export const loopReplaced = observation<{ namespace: string; loop: string }>('loop-replaced')

export interface ServedIntegration {
  namespace: string
  config: PullModeConfig
}

/** The options of `config/pull-mode.ts`, with their defaults there, and names for the other sides. */
export interface IntegrationLoopsConfig extends Partial<PullModeOptions> {
  /** Names this processor in logs, and in Temporal as the starter of its workflows. */
  instanceId: string
  temporalNamespace: string
  internalToken: string
  /** Whether a task queue's worker runs. Without it the processor claims even if other processes serve the queues. */
  isWorkerRunning?: (taskQueue: string) => boolean
  /** Which providers have asked this process to wait. Default: none. */
  providerPauses?: Pick<ProviderPauses, 'pausedSeconds'>
  /** A loop died or hung repeatedly, and its integration is no longer served: the process should exit. */
  onGivenUp?: (error: LoopGivenUpError) => void
}

export interface IntegrationLoops {
  namespace: string
  pulling: Watchdog<PullLoop>
  /** Null if main does not tell which runs to check. */
  reconciling: Watchdog<Reconciler> | null
  /** Tells main that this daemon is gone. Main may be away: then it hears no more of it. */
  leave(): Promise<void>
}

export function createIntegrationLoops(
  { namespace, config }: ServedIntegration,
  processor: IntegrationLoopsConfig,
  connection: Connection,
  { stopping, expired }: StopSignals,
  parentLogger: Logger,
): IntegrationLoops {
  const { taskQueue, internalAPIs } = config
  const { internalToken, temporalNamespace, instanceId: identity, isWorkerRunning, providerPauses } = processor
  // Options that are undefined take their defaults.
  const options = pullModeSchema.strip().parse(processor)
  const logger = parentLogger.child({ namespace, taskQueue })
  const version = packageVersion()
  let isGone = false
  const main = new MainClient({
    internalToken,
    requestTimeoutMs: options.requestTimeoutMs,
    daemon: () => ({
      ...{ name: identity, version, state: stopping.aborted ? 'draining' : 'running' },
      ...(isGone && { gone: 'true' }),
    }),
  })
  const timeoutMs = options.temporalTimeoutMs
  const temporal = new BoundedTemporal(connection, { namespace: temporalNamespace, identity, timeoutMs })
  const inspector = new RunInspector(temporal)
  const labels = new RunLabels(temporal, logger)

  /** What a loop needs to check runs until it is stopped. */
  const caringForRuns = (stopping: AbortSignal) => {
    const reports = new TaskReports({ main, url: internalAPIs.reportTaskEvent, stopping, expired })
    return { namespace, config, temporal, inspector, reports, stopping, expired }
  }
  const watch = <L extends Loop>(does: string, createLoop: WatchdogOptions<L>['create']) => {
    const onGivenUp = processor.onGivenUp ?? noop
    let created = 0
    const create: typeof createLoop = (...signals) => {
      if (created++ > 0) loopReplaced.tell({ namespace, loop: does })
      return createLoop(...signals)
    }
    return new Watchdog({ name: `${does} ${namespace}`, create, stopping, expired, onGivenUp, logger })
  }

  /** Main says if there are no runs to check, at the end of each long poll. Without one, it is asked again. */
  let noRunsUntil = 0
  const claimTasks: MainClient['claimTasks'] = async (...request) => {
    try {
      const answer = await main.claimTasks(...request)
      noRunsUntil = answer?.runsInFlight === false ? performance.now() + NO_RUNS_FOR_MS : 0
      return answer
    } catch (error) {
      noRunsUntil = 0
      throw error
    }
  }

  const createPullLoop = (stopping: AbortSignal, alive: () => void) => {
    const runs = caringForRuns(stopping)
    const { claimTasks: url } = internalAPIs
    return new PullLoop({
      ...(url !== undefined && {
        claims: new BatchClaims({ main: { claimTasks }, url, reports: runs.reports, expired, logger }),
      }),
      fetchTasks: (query, signal) => main.fetchPendingTasks(internalAPIs.fetchPendingTasks, query, signal),
      reports: runs.reports,
      starter: new TaskStarter({ ...runs, labels }),
      gates: [
        ...(isWorkerRunning ? [workerGate(taskQueue, isWorkerRunning)] : []),
        ...(providerPauses ? [providerGate(taskQueue, providerPauses)] : []),
        new QueueGate({ temporal, taskQueue, maxBacklog: options.maxBacklog }),
      ],
      interval: new AdaptiveInterval(options),
      limits: options,
      stopping,
      alive,
      logger,
    })
  }
  const createReconciler = (url: string) => (stopping: AbortSignal, alive: () => void) => {
    const { uncheckedForSeconds, reconcileIntervalMs: intervalMs } = options
    const fetchRuns = async (limit: number, signal: AbortSignal) =>
      performance.now() < noRunsUntil ? [] : main.fetchRunsToCheck(url, { limit, uncheckedForSeconds }, signal)
    return new Reconciler({ ...caringForRuns(stopping), fetchRuns, intervalMs, alive, logger })
  }

  const { runsToCheck } = internalAPIs
  return {
    namespace,
    pulling: watch('pull', createPullLoop),
    reconciling: runsToCheck === undefined ? null : watch('reconcile', createReconciler(runsToCheck)),
    async leave() {
      if (runsToCheck === undefined) return
      isGone = true
      const soon = AbortSignal.timeout(LEAVE_TIMEOUT_MS)
      const query = { limit: 1, uncheckedForSeconds: DAY_SECONDS }
      await main
        .fetchRunsToCheck(runsToCheck, query, soon)
        .catch((error: unknown) => logger.debug({ err: error }, 'main was not told of the stop'))
    },
  }
}

/** The watchdog has already logged it. */
function noop(): void {}
