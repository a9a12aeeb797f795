/** What must hold before a task is claimed: a task that cannot be started now had better stay `pending`. */
import { type Connection, isGrpcServiceError } from '@temporalio/client'
import { describeError } from './errors.js'
import { bounded } from './temporal-connection.js'

export interface Gate {
  /** Why nothing may be claimed now, or null. Never throws. */
  check(signal: AbortSignal): Promise<ClosedGate | null>
}

export interface ClosedGate {
  reason: 'worker_not_running' | 'temporal_unavailable' | 'namespace_missing' | 'backlog_full'
  message: string
}

/** Open while the queue's worker runs in this process. */
export function workerGate(taskQueue: string, isWorkerRunning: (taskQueue: string) => boolean): Gate {
  const closed: ClosedGate = { reason: 'worker_not_running', message: `the worker of ${taskQueue} is not running` }
  return { check: async () => (isWorkerRunning(taskQueue) ? null : closed) }
}

export interface QueueGateOptions {
  connection: Connection
  temporalNamespace: string
  taskQueue: string
  /** Most tasks that may wait in either of the queue's halves. */
  maxBacklog: number
  /** How long Temporal may take to answer, in milliseconds. */
  timeoutMs: number
}

/** For how long an answer is believed; a full batch after a full batch need not ask every time. */
const FRESH_MS = 1000

/** Temporal's numbers for the two queues behind one name. */
const HALVES = [
  { type: 1, name: 'workflow' },
  { type: 2, name: 'activity' },
] as const

const GRPC_NOT_FOUND = 5

/** Open while Temporal answers, its namespace exists, and neither half of the task queue is over its limit. */
export class QueueGate implements Gate {
  readonly #options: QueueGateOptions
  #answer: { closed: ClosedGate | null; until: number } | null = null

  constructor(options: QueueGateOptions) {
    this.#options = options
  }

  async check(signal: AbortSignal): Promise<ClosedGate | null> {
    if (this.#answer && performance.now() < this.#answer.until) return this.#answer.closed
    const closed = await this.#ask(signal)
    this.#answer = { closed, until: performance.now() + FRESH_MS }
    return closed
  }

  /** Asks anew next time. */
  forget(): void {
    this.#answer = null
  }

  async #ask(signal: AbortSignal): Promise<ClosedGate | null> {
    const { taskQueue, maxBacklog, temporalNamespace } = this.#options
    try {
      const backlogs = await Promise.all(HALVES.map(({ type }) => this.#backlog(type, signal)))
      const full = HALVES.findIndex((_, index) => (backlogs[index] ?? 0) >= maxBacklog)
      if (full === -1) return null
      const message = `${backlogs[full]} ${HALVES[full]?.name} tasks wait in ${taskQueue}, the limit is ${maxBacklog}`
      return { reason: 'backlog_full', message }
    } catch (error) {
      // Every task queue exists once it is asked for: what is not found is the namespace.
      if (isGrpcServiceError(error) && error.code === GRPC_NOT_FOUND) {
        return { reason: 'namespace_missing', message: `Temporal has no namespace ${temporalNamespace}` }
      }
      return { reason: 'temporal_unavailable', message: `Temporal does not answer: ${describeError(error)}` }
    }
  }

  async #backlog(type: 1 | 2, signal: AbortSignal): Promise<number> {
    const { connection, temporalNamespace, taskQueue, timeoutMs } = this.#options
    const answer = await bounded(connection, { timeoutMs, signal }, () =>
      connection.workflowService.describeTaskQueue({
        namespace: temporalNamespace,
        taskQueue: { name: taskQueue },
        taskQueueType: type,
        reportStats: true,
      }),
    )
    return Number(answer.stats?.approximateBacklogCount ?? 0)
  }
}
