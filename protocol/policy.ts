import { type Backoff, UPPER_HALF } from '../lib/backoff.js'
import type { Prices } from './charges.js'

/** The protocol's limits and back-offs, in seconds, with their defaults. */
export interface TaskPolicy {
  /** Attempts a new row is allowed. Default 5. */
  maxAttempts: number
  /** The lease: how long a claim may stay `queued` before another may take it over, in seconds. Default 300. */
  stuckTimeoutSeconds: number
  /** Pause before a failed task's next attempt. Default 5 s, doubled each attempt, at most an hour. */
  retryBackoff: Backoff
  /** Pause before a released task may be claimed again. Default 1 s, doubled each release, at most 5 minutes. */
  releaseBackoff: Backoff
  /** Take-overs without a run after which a task is only claimed alone. Default 2. */
  suspectAfterTakeOvers: number
  /** Take-overs without a run, the last of them alone, after which a task fails as poisonous. Default 5. */
  poisonAfterTakeOvers: number
  /** What the provider charges. Without it nobody knows what attempts cost. */
  prices?: Prices | undefined
}

export const DEFAULT_TASK_POLICY: Readonly<TaskPolicy> = {
  maxAttempts: 5,
  stuckTimeoutSeconds: 300,
  retryBackoff: { first: 5, max: 3600, jitter: UPPER_HALF },
  releaseBackoff: { first: 1, max: 300, jitter: UPPER_HALF },
  suspectAfterTakeOvers: 2,
  poisonAfterTakeOvers: 5,
}
