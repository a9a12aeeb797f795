/** How main reaches the run of a task in Temporal: for the few things that cannot wait for the daemon to ask. */
import { z } from 'zod'

export type RunSignal = 'triggerImmediatePoll' | 'providerHint' | 'stopPolling'

/** What a run tells of its work at the provider, to whoever asks. Times are unix seconds. */
export const runProgressSchema = z.object({
  /**
   * - `creating`: until the provider has accepted the task
   * - `looking-up`: a create's answer was lost, or an earlier attempt left something
   * - `waiting`: the provider is at work
   * - `storing`: the result is copied
   */
  phase: z.enum(['creating', 'looking-up', 'waiting', 'storing']),
  /** How often the provider was asked how far it is. */
  polls: z.number().int(),
  providerTaskId: z.string().optional(),
  /** As the provider said it last. */
  providerStatus: z.string().optional(),
  nextPollAt: z.number().optional(),
  deadlineAt: z.number().optional(),
})

export type RunProgress = z.infer<typeof runProgressSchema>

/** What is known of a workflow. */
export interface RunLook {
  /** Temporal's word, as `RUNNING`; null where it knows no such workflow. */
  status: string | null
  /** What a running workflow told of itself; null where it has nothing to tell, or its worker is away. */
  progress: RunProgress | null
}

/** Every method throws a `RunsUnavailableError` where Temporal does not answer. */
export interface RunHandles {
  look(workflowId: string, signal: AbortSignal): Promise<RunLook>
  /** Whether the signal reached a running workflow. */
  signal(workflowId: string, name: RunSignal, args: unknown[], signal: AbortSignal): Promise<boolean>
}

export class RunsUnavailableError extends Error {
  override readonly name = 'RunsUnavailableError'
  readonly code = 'RUNS_UNAVAILABLE'
  readonly retryable = true
}
