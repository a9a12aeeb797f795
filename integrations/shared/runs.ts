/** How main reaches the run of a task in Temporal: for the few things that cannot wait for the daemon to ask. */
import type { RunProgress } from './provider-task.js'

export type RunSignal = 'triggerImmediatePoll' | 'stopPolling'

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
