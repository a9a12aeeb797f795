/** Rules of the product, each with how the code would read without it, and the tests that have to notice. */
export interface Mutant {
  name: string
  /** Of the repository. */
  file: string
  /** Is found in the file exactly once. */
  from: string
  to: string
  tests: string[]
  /** What a test may take until it says what is wrong, its set-up included. Default 30. */
  seconds?: number
}

const PROTOCOL = ['tests/protocol']
const PROCESSOR_REPORTS = 'integrations/shared/protocol/processor-reports.ts'
const RUN_REPORTS = 'integrations/shared/protocol/run-reports.ts'
const EVOLVE = 'integrations/shared/protocol/evolve.ts'
const TASK_STORE = 'integrations/shared/task-store.ts'
const JOB = 'integrations/shared/workflow/provider-task-job.ts'
const RESUMING = ['tests/integrations/resumedProviderTask.test.ts']
const PULL_LOOP = 'async-task-component/pull-loop.ts'
const TASK_STARTER = 'async-task-component/task-starter.ts'
const TASK_REPORTS = 'async-task-component/task-reports.ts'
const RECONCILER = 'async-task-component/reconciler.ts'
const PULLING = ['tests/async-task-component/task-processor.test.ts']
const RUNS = ['tests/async-task-component/task-processor.integration.test.ts']
const RECONCILING = ['tests/async-task-component/reconciler.test.ts']

export const MUTANTS: Mutant[] = [
  // Claims.
  {
    name: 'claim-leased',
    file: PROCESSOR_REPORTS,
    from: 'if (from > now) {',
    to: 'if (from > now && !takeOver) {',
    tests: PROTOCOL,
  },
  {
    name: 'claim-not-due',
    file: PROCESSOR_REPORTS,
    from: 'if (from > now) {',
    to: 'if (from > now && takeOver) {',
    tests: PROTOCOL,
  },
  {
    name: 'capacity-of-pending-only',
    file: PROCESSOR_REPORTS,
    from: 'if (context.atCapacity && !takeOver) {',
    to: "if (context.atCapacity && state.status === 'pending') {",
    tests: PROTOCOL,
  },
  {
    name: 'capacity-counted-for-pending-only',
    file: TASK_STORE,
    from: 'maxTasksInFlight !== undefined && !isLive(row.state)',
    to: "maxTasksInFlight !== undefined && row.state.status === 'pending'",
    tests: ['tests/integrations/tasksInFlight.test.ts'],
  },
  {
    name: 'capacity-shown-for-pending-only',
    file: 'integrations/shared/fetchPendingTasksAPI.ts',
    from: "status === 'queued' || free-- > 0",
    to: "status !== 'pending' || free-- > 0",
    tests: ['tests/integrations/tasksInFlight.test.ts'],
  },
  {
    name: 'poisonous-though-not-alone',
    file: PROCESSOR_REPORTS,
    from: 'state.takeOvers >= policy.poisonAfterTakeOvers && state.claim?.alone',
    to: 'state.takeOvers >= policy.poisonAfterTakeOvers',
    tests: PROTOCOL,
  },
  {
    name: 'suspect-not-alone',
    file: PROCESSOR_REPORTS,
    from: 'state.takeOvers >= policy.suspectAfterTakeOvers && !alone',
    to: 'false',
    tests: PROTOCOL,
  },
  {
    name: 'take-over-forgets-run',
    file: EVOLVE,
    from: 'const runId = newAttempt ? null : state.runId',
    to: 'const runId = null',
    tests: PROTOCOL,
  },
  {
    name: 'next-attempt-keeps-run',
    file: EVOLVE,
    from: 'const runId = newAttempt ? null : state.runId',
    to: 'const runId = state.runId',
    tests: PROTOCOL,
  },
  // Fencing.
  {
    name: 'other-task',
    file: 'integrations/shared/protocol/decide.ts',
    from: "if ('taskKey' in request && request.taskKey !== context.taskKey) {",
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'stale-token',
    file: PROCESSOR_REPORTS,
    from: 'if (request.fencingToken !== state.fencingToken) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'begin-keeps-token',
    file: EVOLVE,
    from: 'runId: event.runId,\n        fencingToken: event.fencingToken,\n        leaseExpiresAt: event.leaseExpiresAt,',
    to: 'runId: event.runId,\n        leaseExpiresAt: event.leaseExpiresAt,',
    tests: PROTOCOL,
  },
  {
    name: 'any-run',
    file: RUN_REPORTS,
    from: 'if (live.runId !== null && live.runId !== request.runId) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'outcome-of-another-run',
    file: RUN_REPORTS,
    from: 'if (live.runId !== null && live.runId !== request.runId) {',
    to: 'if (live.runId !== null && live.runId !== request.runId && !isOutcome(request)) {',
    tests: PROTOCOL,
  },
  {
    name: 'processing-of-another-run',
    file: RUN_REPORTS,
    from: 'if (live.runId !== null && live.runId !== request.runId) {',
    to: "if (live.runId !== null && live.runId !== request.runId && request.status !== 'processing') {",
    tests: PROTOCOL,
  },
  {
    name: 'failed-of-an-attempt-that-is-over',
    file: RUN_REPORTS,
    from: 'if (n < current) {',
    to: "if (n < current && request.status !== 'failed') {",
    tests: PROTOCOL,
  },
  {
    name: 'completed-of-an-attempt-that-is-over',
    file: RUN_REPORTS,
    from: 'if (n < current) {',
    to: "if (n < current && request.status !== 'completed') {",
    tests: PROTOCOL,
  },
  // Restored backups, and what may have been paid for.
  {
    name: 'restored-intents-of-the-backup-only',
    file: RUN_REPORTS,
    from: 'Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))',
    to: 'state.openIntents',
    tests: PROTOCOL,
  },
  {
    name: 'restored-intents-kept-where-there-are-any',
    file: RUN_REPORTS,
    from: 'const openIntents: CreateIntent[] = Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))',
    to: 'const openIntents: CreateIntent[] = state.openIntents.length > 0 ? state.openIntents : Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))',
    tests: PROTOCOL,
  },
  {
    name: 'restored-intents-not-stored',
    file: EVOLVE,
    from: 'runId: null, openIntents: event.openIntents }',
    to: 'runId: null }',
    tests: PROTOCOL,
  },
  {
    name: 'failed-forgets-intents',
    file: EVOLVE,
    from: 'openIntents: event.providerEnded ? [] : withIntent(state.openIntents, event.intent),',
    to: 'openIntents: [],',
    tests: PROTOCOL,
  },
  {
    name: 'failed-forgets-provider-task',
    file: EVOLVE,
    from: 'providerTask: event.providerEnded ? null : state.providerTask,',
    to: 'providerTask: null,',
    tests: PROTOCOL,
  },
  {
    name: 'asking-closes-intents',
    file: EVOLVE,
    from: 'openIntents: event.providerTask ? [] : withIntent(state.openIntents, event.intent ?? null),',
    to: 'openIntents: [],',
    tests: PROTOCOL,
  },
  {
    name: 'intents-not-looked-up-beside-an-unusable-task',
    file: JOB,
    from: 'if (providerTask && isUsable(await this.#look(providerTask.id))) return providerTask',
    to: 'if (providerTask) return isUsable(await this.#look(providerTask.id)) ? providerTask : null',
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
    from: 'openIntents.map((intent) => intent.attempt),',
    to: 'openIntents.slice(0, 1).map((intent) => intent.attempt),',
    tests: RESUMING,
  },
  {
    name: 'known-task-not-looked-at',
    file: JOB,
    from: 'if (providerTask && isUsable(await this.#look(providerTask.id))) return providerTask',
    to: 'if (providerTask) return providerTask',
    tests: RESUMING,
  },
  {
    name: 'found-task-not-looked-at',
    file: JOB,
    from: 'return found && isUsable(await this.#look(found.id)) ? found : null',
    to: 'return found',
    tests: RESUMING,
  },
  {
    name: 'nothing-there-believed-at-once',
    file: JOB,
    from: "if (found || askedAt >= settledAt) return this.#settled('list', found)",
    to: "if (found || askedAt < settledAt + 1) return this.#settled('list', found)",
    tests: ['tests/integrations/videoPollingWorkflow.test.ts'],
  },
  // The store.
  {
    name: 'row-not-locked',
    file: TASK_STORE,
    from: '= $1 FOR UPDATE`',
    to: '= $1`',
    tests: ['tests/integrations/lockedRow.test.ts'],
  },
  {
    name: 'time-of-the-transaction',
    file: 'integrations/shared/database.ts',
    from: 'extract(epoch FROM clock_timestamp())',
    to: 'extract(epoch FROM now())',
    tests: ['tests/integrations/lockedRow.test.ts'],
  },
  {
    name: 'claims-not-unique',
    file: 'integrations/shared/call-entities.ts',
    from: "where: { eventType: { op: 'equals', value: 'queued' } },",
    to: "where: { eventType: { op: 'equals', value: 'no-such-type' } },",
    tests: ['tests/integrations/lockedRow.test.ts'],
  },
  // The daemon: claims and starts.
  {
    name: 'never-claims',
    file: PULL_LOOP,
    from: 'const claims = tasks.map((task)',
    to: 'const claims = tasks.slice(tasks.length).map((task)',
    tests: PULLING,
  },
  {
    name: 'never-fetches-again',
    file: PULL_LOOP,
    from: 'const ms = interval.after(outcome)',
    to: 'const ms = interval.after(outcome) + 3_600_000',
    tests: PULLING,
  },
  {
    name: 'never-starts',
    file: PULL_LOOP,
    from: "if (result.kind !== 'claimed') return null",
    to: "if (result.kind !== 'refused') return null",
    tests: PULLING,
  },
  {
    name: 'suspect-never-tried',
    file: PULL_LOOP,
    from: 'if (!stopping.aborted && this.#isSuspectsTurn(tasks)) {',
    to: 'if (stopping.aborted && this.#isSuspectsTurn(tasks)) {',
    tests: PULLING,
  },
  {
    name: 'suspect-beside-others',
    file: PULL_LOOP,
    from: 'await this.#drained()\n    const [suspect]',
    to: 'const [suspect]',
    tests: PULLING,
  },
  {
    name: 'gates-not-asked',
    file: PULL_LOOP,
    from: "if (await this.#anyGateClosed()) return 'closed'\n\n    this.#enter('fetching')",
    to: "this.#enter('fetching')",
    tests: PULLING,
  },
  {
    name: 'claim-answered-with-another-token',
    file: TASK_REPORTS,
    from: 'attempt === undefined || answer.fencingToken !== fencingToken',
    to: 'attempt === undefined',
    tests: ['tests/async-task-component/task-reports.test.ts'],
  },
  {
    name: 'never-reports',
    file: TASK_REPORTS,
    from: 'await main.report(url, report, expired)\n        return true',
    to: 'return true',
    tests: RUNS,
  },
  {
    name: 'report-not-repeated',
    file: TASK_REPORTS,
    from: 'if (lastTry) return false',
    to: 'if (failures > 0) return false',
    tests: ['tests/async-task-component/task-reports.test.ts'],
  },
  {
    name: 'take-over-not-looked-at',
    file: TASK_STARTER,
    from: 'if (mayHaveRun) {',
    to: 'if (mayHaveRun && claim.attempt > 1) {',
    tests: RUNS,
  },
  {
    name: 'requests-to-the-provider-not-counted',
    file: 'async-task-component/gates.ts',
    from: "      { taskQueue: providerTaskQueue(taskQueue), type: ACTIVITY, holds: 'requests to the provider' },\n",
    to: '',
    tests: RUNS,
  },
  {
    name: 'activities-not-counted',
    file: 'async-task-component/gates.ts',
    from: "      { taskQueue, type: ACTIVITY, holds: 'activities' },\n",
    to: '',
    tests: RUNS,
  },
  // The daemon: runs under way.
  {
    name: 'latest-run-for-the-first',
    file: 'async-task-component/run-inspector.ts',
    from: 'description.raw.workflowExecutionInfo?.firstRunId || description.runId',
    to: 'description.runId',
    tests: RECONCILING,
  },
  {
    name: 'any-run-under-the-id',
    file: 'async-task-component/run-inspector.ts',
    from: 'if (knownRunId !== undefined && runId !== knownRunId)',
    to: 'if (knownRunId !== undefined && runId === undefined)',
    tests: RUNS,
  },
  {
    name: 'unavailable-is-not-found',
    file: 'async-task-component/run-inspector.ts',
    from: "return { state: 'unknown', cause }",
    to: "return { state: 'none' }",
    tests: RECONCILING,
  },
  {
    name: 'closed-as-soon-as-asked-to-cancel',
    file: RECONCILER,
    from: "    return { status: 'running' }\n  }\n}",
    to: "    return { status: 'closed' }\n  }\n}",
    tests: RECONCILING,
  },
  {
    name: 'cancelled-run-not-cancelled',
    file: RECONCILER,
    from: '() => client.workflow.getHandle(workflowId).cancel()',
    to: '() => client.workflow.getHandle(workflowId).describe()',
    tests: RECONCILING,
  },
  {
    name: 'never-reconciles',
    file: RECONCILER,
    from: 'runs.map((run) => takeTurn',
    to: 'runs.slice(runs.length).map((run) => takeTurn',
    tests: RECONCILING,
  },
  // The whole system, within its limits.
  {
    name: 'system-claims-nothing',
    file: PULL_LOOP,
    from: 'const claims = tasks.map((task)',
    to: 'const claims = tasks.slice(tasks.length).map((task)',
    tests: ['tests/e2e'],
    seconds: 120,
  },
  {
    name: 'system-claims-after-12-seconds',
    file: PULL_LOOP,
    from: 'const claim = reports.claim(task, how, logger).finally(',
    to: 'const claim = pause(12_000, this.#options.stopping).then(() => reports.claim(task, how, logger)).finally(',
    tests: ['tests/e2e'],
    seconds: 120,
  },
  {
    name: 'system-fetches-600-ms-longer',
    file: 'integrations/shared/fetchPendingTasksAPI.ts',
    from: 'async callback({ signal }, { limit, waitSeconds = 0 }) {',
    to: 'async callback({ signal }, { limit, waitSeconds = 0 }) { await new Promise((resolve) => setTimeout(resolve, 600))',
    tests: ['tests/performance/pull-mode.perf.test.ts'],
    seconds: 120,
  },
]
