export { currentAttempt, type DecisionContext, decide, isFinal } from './decide.js'
export { claimableAt, evolve, initialTaskState } from './evolve.js'
export { type Backoff, backoffSeconds, DEFAULT_TASK_POLICY, type TaskPolicy } from './policy.js'
export * from './types.js'
