/** Main's only use of Temporal. It connects on first use: main starts, and works, without Temporal. */
import {
  Client,
  isGrpcServiceError,
  QueryNotRegisteredError,
  QueryRejectedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client'
import { bounded, clientConnection, temporalTarget } from '../lib/temporal-client.js'
import { providerTaskQueue } from '../protocol/names.js'
import { type RunHandles, type RunLook, RunsUnavailableError, runProgressSchema } from '../protocol/run-handles.js'

const TIMEOUT_MS = 5_000
/** A query is answered by a worker, which may be busy or down. */
const QUERY_TIMEOUT_MS = 3_000
const GRPC_UNIMPLEMENTED = 12
const ACTIVITY_QUEUE = 2
const UNAVAILABLE = 'Temporal does not answer: ask again later'
const NONE: RunLook = { status: null, progress: null }

export class TemporalRuns implements RunHandles {
  readonly #connection: ReturnType<typeof clientConnection>
  readonly #client: Client

  constructor(configured: { address: string; namespace: string }) {
    const { address, namespace, security } = temporalTarget(configured)
    this.#connection = clientConnection(address, security)
    this.#client = new Client({ connection: this.#connection, namespace })
  }

  async look(workflowId: string, signal: AbortSignal): Promise<RunLook> {
    const description = await this.#ask(workflowId, TIMEOUT_MS, signal, (handle) => handle.describe())
    if (description === null) return NONE
    const status = description.status.name
    if (status !== 'RUNNING') return { status, progress: null }
    const told = await this.#ask(workflowId, QUERY_TIMEOUT_MS, signal, (handle) => handle.query('progress')).catch(
      () => null,
    )
    return { status, progress: runProgressSchema.safeParse(told).data ?? null }
  }

  async signal(workflowId: string, name: string, args: unknown[], signal: AbortSignal): Promise<boolean> {
    const sent = await this.#ask(workflowId, TIMEOUT_MS, signal, async (handle) => {
      await handle.signal(name, ...args)
      return true
    })
    return sent ?? false
  }

  async limitRequests(taskQueue: string, perMinute: number | null, why: string, signal: AbortSignal): Promise<void> {
    const { workflowService } = this.#connection
    const rateLimit = perMinute === null ? null : { requestsPerSecond: perMinute / 60 }
    const request = {
      namespace: this.#client.options.namespace,
      taskQueue: providerTaskQueue(taskQueue),
      taskQueueType: ACTIVITY_QUEUE,
      updateQueueRateLimit: { rateLimit, reason: why },
    }
    try {
      await bounded(this.#connection, { timeoutMs: TIMEOUT_MS, signal }, () =>
        workflowService.updateTaskQueueConfig(request),
      )
    } catch (error) {
      const tooOld = isGrpcServiceError(error) && error.code === GRPC_UNIMPLEMENTED
      const message = tooOld ? 'This Temporal server is too old to limit requests' : UNAVAILABLE
      throw new RunsUnavailableError(message, { cause: error })
    }
  }

  /** Closes the connection, if there is one. */
  async close(): Promise<void> {
    await this.#connection.close()
  }

  /** Null if there is no such workflow, or if it has ended and accepts no signals. */
  async #ask<T>(
    workflowId: string,
    timeoutMs: number,
    signal: AbortSignal,
    ask: (handle: WorkflowHandle) => Promise<T>,
  ): Promise<T | null> {
    try {
      const handle = this.#client.workflow.getHandle(workflowId)
      return await bounded(this.#connection, { timeoutMs, signal }, () => ask(handle))
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null
      if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError) return null
      throw new RunsUnavailableError(UNAVAILABLE, { cause: error })
    }
  }
}
