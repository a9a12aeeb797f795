import type { Mutant } from './mutant.js'

const PULL_LOOP = 'async-task-component/pull-loop.ts'
const SINGLE_CLAIMS = 'async-task-component/single-claims.ts'
const TASK_STARTER = 'async-task-component/task-starter.ts'
const TASK_REPORTS = 'async-task-component/task-reports.ts'
const PULLING = ['tests/async-task-component/pull-loop.test.ts']
const REPORTING = ['tests/async-task-component/task-reports.test.ts']
const STARTING = ['tests/async-task-component/runs.test.ts']
const RUNS = ['tests/async-task-component/task-processor.integration.test.ts']

/** The daemon: claims and starts. */
export const PULLING_RULES: Mutant[] = [
  {
    name: 'never-claims',
    file: SINGLE_CLAIMS,
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
    name: 'waits-although-main-does',
    file: PULL_LOOP,
    from: 'isFull || waitSeconds > 0 ?',
    to: 'isFull ?',
    tests: PULLING,
  },
  {
    name: 'due-found-at-the-next-second',
    file: 'tasks/apis/fetch-pending-tasks.ts',
    from: 'Math.min(leftMs, arrivals.lookEveryMs, msUntil(next?.seconds ?? null))',
    to: 'Math.min(leftMs, arrivals.lookEveryMs)',
    tests: ['tests/integrations/fetchPendingTasks.test.ts'],
  },
  {
    name: 'never-starts',
    file: SINGLE_CLAIMS,
    from: "return result.kind === 'claimed' ?",
    to: "return result.kind === 'refused' ?",
    tests: PULLING,
  },
  {
    name: 'suspect-never-tried',
    file: PULL_LOOP,
    from: "if (!stopping.aborted && this.#suspects.isTurn(tasks)) {\n      this.#enter('claiming')",
    to: "if (stopping.aborted && this.#suspects.isTurn(tasks)) {\n      this.#enter('claiming')",
    tests: PULLING,
  },
  {
    name: 'suspect-beside-others',
    file: PULL_LOOP,
    from: 'await this.#drained()\n    const suspect',
    to: 'const suspect',
    tests: PULLING,
  },
  {
    name: 'large-tasks-without-end',
    file: PULL_LOOP,
    from: ' || this.#bytesUnderWay > MAX_BATCH_BYTES',
    to: '',
    tests: PULLING,
  },
  {
    name: 'asks-before-it-starts',
    file: PULL_LOOP,
    from: 'if (tasks.length > 0) await turn()',
    to: '',
    tests: PULLING,
  },
  {
    name: 'gates-not-asked',
    file: PULL_LOOP,
    from: "if (await this.#gates.anyClosed()) {\n      await this.#giveBack()\n      return 'closed'\n    }",
    to: '',
    tests: PULLING,
  },
  {
    name: 'claim-answered-with-another-token',
    file: TASK_REPORTS,
    from: 'attempt === undefined || answer.fencingToken !== fencingToken',
    to: 'attempt === undefined',
    tests: REPORTING,
  },
  {
    name: 'never-reports',
    file: TASK_REPORTS,
    from: 'await main.report(url, report, expired)\n        return true',
    to: 'return true',
    tests: REPORTING,
  },
  {
    name: 'report-not-repeated',
    file: TASK_REPORTS,
    from: 'if (lastTry) return false',
    to: 'if (failures > 0) return false',
    tests: REPORTING,
  },
  {
    name: 'take-over-not-looked-at',
    file: TASK_STARTER,
    from: 'if (mayHaveRun) {',
    to: 'if (mayHaveRun && claim.attempt > 1) {',
    tests: STARTING,
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
  {
    name: 'id-used-again',
    file: 'async-task-component/attempt-start.ts',
    from: "workflowIdReusePolicy: 'REJECT_DUPLICATE'",
    to: "workflowIdReusePolicy: 'ALLOW_DUPLICATE'",
    tests: STARTING,
  },
  {
    name: 'lost-run-started-again',
    file: TASK_STARTER,
    from: 'if (claim.runId === undefined) return null',
    to: 'return null',
    tests: STARTING,
  },
  {
    name: 'unknown-is-startable',
    file: TASK_STARTER,
    from: "case 'unknown':",
    to: "case 'unknown':\n        return null",
    tests: STARTING,
  },
]
