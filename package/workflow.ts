/** `interaqt-async-task/workflow`: for `workflows/index.ts` alone, which runs in Temporal's sandbox. */
export type { AttemptInput, AttemptOutcome } from '../protocol/attempt.js'
export { attemptFailure } from '../provider-kit/workflow/failures.js'
export { Patience } from '../provider-kit/workflow/patience.js'
export { type AttemptOptions, type AttemptRun, runAttempt } from '../provider-kit/workflow/run-attempt.js'
export { localWorkflow, polledWorkflow, singleWorkflow } from '../provider-kit/workflow/shared-workflows.js'
