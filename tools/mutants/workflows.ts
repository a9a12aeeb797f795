import type { Mutant } from './mutant.js'

const JOB = 'provider-kit/workflow/provider-task-job.ts'
const LOOKS = 'provider-kit/workflow/settled-looks.ts'
const ATTEMPT = 'provider-kit/workflow/run-attempt.ts'
const UNANSWERED = 'provider-kit/workflow/unanswered-create.ts'
const RESUMING = ['tests/provider-kit/resumed-provider-task.full.test.ts']
const VIDEO = ['tests/integrations/video-polling-workflow.full.test.ts']
const IMAGE = ['tests/integrations/image-generation-workflow.test.ts']

/** What a run pays for, and what it resumes of earlier attempts. */
export const WORKFLOWS_RULES: Mutant[] = [
  {
    name: 'intents-not-looked-up-beside-an-unusable-task',
    file: JOB,
    from: 'if (providerTask && isUsable(await this.#look(providerTask))) return providerTask',
    to: 'if (providerTask) return isUsable(await this.#look(providerTask)) ? providerTask : null',
    tests: RESUMING,
  },
  {
    name: 'intents-not-looked-up',
    file: JOB,
    from: 'if (openIntents.length === 0 || lookUp.impossible) return null',
    to: 'if (openIntents.length >= 0 || lookUp.impossible) return null',
    tests: RESUMING,
  },
  {
    name: 'only-the-first-intent-looked-up',
    file: JOB,
    from: 'openIntents.map((intent) => intent.attempt)',
    to: 'openIntents.slice(0, 1).map((intent) => intent.attempt)',
    tests: RESUMING,
  },
  {
    name: 'known-task-not-looked-at',
    file: JOB,
    from: 'if (providerTask && isUsable(await this.#look(providerTask))) return providerTask',
    to: 'if (providerTask) return providerTask',
    tests: RESUMING,
  },
  {
    name: 'found-task-not-looked-at',
    file: JOB,
    from: 'return found && isUsable(await this.#look(found)) ? found : null',
    to: 'return found',
    tests: RESUMING,
  },
  {
    name: 'nothing-there-believed-at-once',
    file: LOOKS,
    from: "if (found || askedAt >= settledAt) return this.#settled('list', found)",
    to: "if (found || askedAt < settledAt + 1) return this.#settled('list', found)",
    tests: VIDEO,
  },
  {
    name: 'refused-begin-goes-on',
    file: ATTEMPT,
    from: 'if (!begin.accepted) throw refusedByMain(begin.reason, begin.taskStatus)',
    to: '',
    tests: VIDEO,
  },
  {
    name: 'refused-processing-goes-on',
    file: ATTEMPT,
    from: 'if (!reply.accepted) throw refusedByMain(reply.reason, reply.taskStatus)',
    to: '',
    tests: VIDEO,
  },
  {
    name: 'each-continuation-a-run-of-its-own',
    file: ATTEMPT,
    from: 'runId: workflowInfo().firstExecutionRunId',
    to: 'runId: workflowInfo().runId',
    tests: ['tests/integrations/video-continued-as-new.full.test.ts'],
  },
  {
    name: 'cancelled-as-it-begins-again-finds-nothing',
    file: ATTEMPT,
    from: 'await (input.continued ? CancellationScope.nonCancellable(beginAttempt) : beginAttempt())',
    to: 'await beginAttempt()',
    tests: ['tests/integrations/video-continued-as-new.full.test.ts'],
  },
  {
    name: 'not-now-after-it-was-accepted',
    file: 'provider-kit/definition/spending.ts',
    from: "if (saysItself(error) && !(kind === 'unavailable' && http.hasSpent)) throw error",
    to: 'if (saysItself(error)) throw error',
    tests: ['tests/provider-kit/definitions.test.ts'],
  },
  {
    name: 'unanswered-create-not-looked-up',
    file: JOB,
    from: 'const found = await this.#lookUp(find, [this.input.attempt])',
    to: 'const found = null as ProviderTask | null',
    tests: VIDEO,
  },
  {
    name: 'cancelled-run-leaves-its-task',
    file: JOB,
    from: 'if (isCancellation(error) || isTaskCancelled(error)) await job.cancel()',
    to: '',
    tests: VIDEO,
  },
  {
    name: 'gone-at-first-sight',
    file: LOOKS,
    from: 'if (askedAt >= settledAt) throw taskGone(id)',
    to: 'if (askedAt > 0) throw taskGone(id)',
    tests: ['tests/provider-kit/definitions.test.ts'],
  },
  {
    name: 'pays-twice-though-it-may-not',
    file: UNANSWERED,
    from: 'if (openIntents.length > 0 && !mayPayTwice)',
    to: 'if (openIntents.length < 0 && !mayPayTwice)',
    tests: IMAGE,
  },
  {
    name: 'asks-again-though-it-may-not',
    file: UNANSWERED,
    from: 'message}`, mayPayTwice)',
    to: 'message}`, true)',
    tests: IMAGE,
  },
]
