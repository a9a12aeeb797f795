/** How patient the protocol is. Every number has its one home and its one default here. */
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

export interface Backoff {
  firstSeconds: number
  maxSeconds: number
}

export const DEFAULT_TASK_POLICY: Readonly<TaskPolicy> = {
  maxAttempts: 5,
  stuckTimeoutSeconds: 300,
  retryBackoff: { firstSeconds: 5, maxSeconds: 3600 },
  releaseBackoff: { firstSeconds: 1, maxSeconds: 300 },
  suspectAfterTakeOvers: 2,
  poisonAfterTakeOvers: 5,
}

/**
 * The pause before try number `tries + 1`, in seconds: exponential, with the upper half left to chance so
 * that tasks which failed together do not come back together.
 *
 * @param tries how many tries there were, at least 1
 * @param random in [0, 1)
 */
export function backoffSeconds(backoff: Backoff, tries: number, random: number): number {
  const ceiling = Math.min(backoff.maxSeconds, backoff.firstSeconds * 2 ** Math.min(tries - 1, 30))
  return ceiling / 2 + (ceiling / 2) * random
}
