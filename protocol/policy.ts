import { type Backoff, UPPER_HALF } from '../lib/backoff.js'

/** How patient the protocol is, in seconds. Every number has its one home and its one default here. */
export interface TaskPolicy {
  /** Attempts a new row is allowed. Default 5. */
  maxAttempts: number
  /** How long a claim may stay `queued` before another may take it over, in seconds. Default 300. */
  stuckTimeoutSeconds: number
  /** Pause before a failed task's next attempt. Default 5 s, doubled each attempt, at most an hour. */
  retryBackoff: Backoff
  /** Pause before a released task may be claimed again. Default 1 s, doubled each release, at most 5 minutes. */
  releaseBackoff: Backoff
  /** Fruitless take-overs after which a task is claimed only alone. Default 2. */
  suspectAfterTakeOvers: number
  /** Fruitless take-overs, the last of them alone, after which a task fails as poisonous. Default 5. */
  poisonAfterTakeOvers: number
}

export const DEFAULT_TASK_POLICY: Readonly<TaskPolicy> = {
  maxAttempts: 5,
  stuckTimeoutSeconds: 300,
  retryBackoff: { first: 5, max: 3600, jitter: UPPER_HALF },
  releaseBackoff: { first: 1, max: 300, jitter: UPPER_HALF },
  suspectAfterTakeOvers: 2,
  poisonAfterTakeOvers: 5,
}
