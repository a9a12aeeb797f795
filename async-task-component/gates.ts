/** Conditions for claiming: a task that cannot be started now stays `pending`. */
import { isGrpcServiceError } from '@temporalio/client'
import { providerTaskQueue } from '../protocol/names.js'
import type { ProviderPauses } from '../provider-kit/provider/pauses.js'
import type { BoundedTemporal } from './bounded-temporal.js'
import { describeError } from './errors.js'

export interface Gate {
  /**
   * Why nothing may be claimed now, or null. Never throws.
   * @param maxAgeMs how old a cached answer may be, if it is null
   */
  check(signal: AbortSignal, maxAgeMs?: number): Promise<ClosedGate | null>
  /** Resolves when its answer may have changed, as far as it is told of that; or when aborted. */
  untilChange?(signal: AbortSignal): Promise<void>
  /** Discards a cached answer. */
  forget?(): void
}

export const GATE_REASONS = [
  'worker_not_running',
  'provider_throttled',
  'temporal_unavailable',
  'namespace_missing',
  'backlog_full',
] as const

export interface ClosedGate {
  reason: (typeof GATE_REASONS)[number]
  message: string
}

/** Open while the queue's worker runs in this process. */
export function workerGate(taskQueue: string, isWorkerRunning: (taskQueue: string) => boolean): Gate {
  const closed: ClosedGate = { reason: 'worker_not_running', message: `the worker of ${taskQueue} is not running` }
  return { check: async () => (isWorkerRunning(taskQueue) ? null : closed) }
}

/** Closed while the integration's provider has asked this process to wait. */
export function providerGate(taskQueue: string, { pausedSeconds }: Pick<ProviderPauses, 'pausedSeconds'>): Gate {
  return {
    async check() {
      const seconds = pausedSeconds(taskQueue)
      if (seconds === 0) return null
      return { reason: 'provider_throttled', message: `the provider takes no more for ${Math.ceil(seconds)} s` }
    },
  }
}

export interface QueueGateOptions {
  temporal: BoundedTemporal
  taskQueue: string
  /** The longest backlog of either of the queue's halves. */
  maxBacklog: number
}

/** How long an answer is cached: consecutive full batches need not ask every time. */
const FRESH_MS = 1000

/** Temporal's backlog counts of the two queues behind one name. */
const WORKFLOW = 1
const ACTIVITY = 2

const GRPC_NOT_FOUND = 5

/** Open while Temporal answers, its namespace exists, and none of the integration's queues is over its limit. */
export class QueueGate implements Gate {
  #answer: { closed: ClosedGate | null; at: number } | null = null

  constructor(private readonly options: QueueGateOptions) {}

  async check(signal: AbortSignal, maxAgeMs = FRESH_MS): Promise<ClosedGate | null> {
    const { isConnected } = this.options.temporal
    const { at, closed: known } = this.#answer ?? { at: Number.NEGATIVE_INFINITY, closed: null }
    if (isConnected && performance.now() < at + (known ? FRESH_MS : maxAgeMs)) return known
    const closed = await this.#ask(signal)
    this.#answer = { closed, at: performance.now() }
    return closed
  }

  untilChange(signal: AbortSignal): Promise<void> {
    return this.options.temporal.untilLost(signal)
  }

  forget(): void {
    this.#answer = null
  }

  async #ask(signal: AbortSignal): Promise<ClosedGate | null> {
    const { temporal, taskQueue, maxBacklog } = this.options
    const queues = [
      { taskQueue, type: WORKFLOW, holds: 'workflow tasks' },
      { taskQueue, type: ACTIVITY, holds: 'activities' },
      { taskQueue: providerTaskQueue(taskQueue), type: ACTIVITY, holds: 'requests to the provider' },
    ] as const
    try {
      const backlogs = await Promise.all(
        queues.map(async (queue) => ({ ...queue, waiting: await this.#backlog(queue, signal) })),
      )
      const full = backlogs.find(({ waiting }) => waiting >= maxBacklog)
      if (!full) return null
      const message = `${full.waiting} ${full.holds} wait in ${full.taskQueue}, the limit is ${maxBacklog}`
      return { reason: 'backlog_full', message }
    } catch (error) {
      // A task queue exists as soon as it is asked for, so "not found" means the namespace.
      if (isGrpcServiceError(error) && error.code === GRPC_NOT_FOUND) {
        return { reason: 'namespace_missing', message: `Temporal has no namespace ${temporal.namespace}` }
      }
      return { reason: 'temporal_unavailable', message: `Temporal does not answer: ${describeError(error)}` }
    }
  }

  async #backlog({ taskQueue, type }: { taskQueue: string; type: 1 | 2 }, signal: AbortSignal): Promise<number> {
    const { temporal } = this.options
    const answer = await temporal.call(signal, (client) =>
      client.workflowService.describeTaskQueue({
        namespace: temporal.namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: type,
        reportStats: true,
      }),
    )
    return Number(answer.stats?.approximateBacklogCount ?? 0)
  }
}
