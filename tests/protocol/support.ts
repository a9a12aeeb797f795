import {
  DEFAULT_TASK_POLICY,
  type Decision,
  type DecisionContext,
  decide,
  evolve,
  initialTaskState,
  type NoPlace,
  type TaskRequest,
  type TaskState,
  type TaskStatus,
} from '@/protocol/index.js'

export const RUN = 'run-1'
export const OTHER_RUN = 'run-2'
export const policy = DEFAULT_TASK_POLICY

export const TASK_KEY = 'k3Y-of-the-row'

let tokens = 0

function at(now: number): DecisionContext {
  tokens += 1
  return { taskKey: TASK_KEY, now, newToken: `token-${tokens}`, random: 0.5, policy }
}

/** Carries a decision out, as the report API does. */
export function step(
  state: TaskState,
  request: TaskRequest,
  now: number,
  noPlace?: NoPlace,
): { state: TaskState; decision: Decision } {
  const decision = decide(state, request, { ...at(now), noPlace })
  return { state: decision.events.reduce(evolve, state), decision }
}

/** Carries requests out one after another, each a second after the one before; every one must be accepted. */
export function reach(...requests: TaskRequest[]): TaskState {
  return continueFrom(initialTaskState(policy.maxAttempts), ...requests)
}

export function continueFrom(start: TaskState, ...requests: TaskRequest[]): TaskState {
  return requests.reduce((state, request) => {
    const { state: next, decision } = step(state, request, (state.startedAt ?? 0) + 1)
    if (!decision.answer.ok) throw new Error(`${JSON.stringify(request)}: ${decision.answer.error}`)
    return next
  }, start)
}

export const claim = { from: 'processor', status: 'queued' } as const
export const begin = (attempt = 1, runId = RUN) => ({ from: 'run', status: 'begin', attempt, runId }) as const
export const processing = (attempt = 1, runId = RUN) =>
  ({ from: 'run', status: 'processing', attempt, runId, providerTask: { id: 'cgt-1', attempt } }) as const
/** Of a provider that has no tasks to name. */
export const asked = (attempt = 1, runId = RUN) => ({ from: 'run', status: 'processing', attempt, runId }) as const
export const BUSY = { code: 'RateLimited', message: 'Not now' }
export const waiting = (attempt = 1, runId = RUN, reason = BUSY) =>
  ({ from: 'run', status: 'waiting', attempt, runId, reason, nextTrySeconds: 60 }) as const
export const resumed = (attempt = 1, runId = RUN) => ({ from: 'run', status: 'resumed', attempt, runId }) as const
export const completed = (attempt = 1, runId = RUN) =>
  ({ from: 'run', status: 'completed', attempt, runId, result: { url: 'u' } }) as const
export const failed = (attempt = 1, runId = RUN, retryable = true) =>
  ({
    from: 'run',
    status: 'failed',
    attempt,
    runId,
    error: { code: 'overloaded', message: 'try later' },
    retryable,
  }) as const
export const cancel = { from: 'operator', status: 'cancelled', by: 'app' } as const

/** One row of each status, as it comes to be. */
export const rows: Record<TaskStatus | 'begun' | 'exhausted', TaskState> = {
  pending: initialTaskState(policy.maxAttempts),
  queued: reach(claim),
  begun: reach(claim, begin()),
  processing: reach(claim, begin(), processing()),
  completed: reach(claim, begin(), processing(), completed()),
  failed: reach(claim, begin(), failed()),
  exhausted: reach(claim, begin(), failed(1, RUN, false)),
  cancelled: reach(claim, begin(), cancel),
}

export const eventTypes = (decision: Decision) => decision.events.map((event) => event.type)
export const refusal = (decision: Decision) => (decision.answer.ok ? 'accepted' : decision.answer.reason)
