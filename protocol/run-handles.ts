/** How main reaches a task's run in Temporal, for the few requests that cannot wait for the daemon. */
import { z } from 'zod'

export type RunSignal = 'triggerImmediatePoll' | 'providerHint' | 'stopPolling'

/** A run's answer to a query about its work at the provider. Times are unix seconds. */
export const runProgressSchema = z.object({
  /**
   * - `creating`: the provider has not accepted the task yet
   * - `looking-up`: a create's answer was lost, or an earlier attempt left something
   * - `waiting`: the provider is working
   * - `storing`: the result is being copied
   */
  phase: z.enum(['creating', 'looking-up', 'waiting', 'storing']),
  /** How often the provider was polled. */
  polls: z.number().int(),
  providerTaskId: z.string().optional(),
  /** The provider's last status. */
  providerStatus: z.string().optional(),
  nextPollAt: z.number().optional(),
  deadlineAt: z.number().optional(),
})

export type RunProgress = z.infer<typeof runProgressSchema>

/** What is known of a workflow. */
export interface RunLook {
  /** Temporal's status, such as `RUNNING`; null if it knows no such workflow. */
  status: string | null
  /** A running workflow's answer; null if it has none, or its worker is away. */
  progress: RunProgress | null
}

/** Every method throws a `RunsUnavailableError` if Temporal does not answer. */
export interface RunHandles {
  look(workflowId: string, signal: AbortSignal): Promise<RunLook>
  /** Whether the signal reached a running workflow. */
  signal(workflowId: string, name: RunSignal, args: unknown[], signal: AbortSignal): Promise<boolean>
  /**
   * Limits the requests of all daemons to an integration's provider, from now on.
   *
   * @param perMinute null gives the limit back to the daemons' configuration
   */
  limitRequests(taskQueue: string, perMinute: number | null, why: string, signal: AbortSignal): Promise<void>
}

export class RunsUnavailableError extends Error {
  override readonly name = 'RunsUnavailableError'
  readonly code = 'RUNS_UNAVAILABLE'
  readonly retryable = true
}
