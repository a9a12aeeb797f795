import type { Mutant } from './mutant.js'

const INSPECTOR = 'async-task-component/run-inspector.ts'
const RECONCILER = 'async-task-component/reconciler.ts'
const RUNS = ['tests/async-task-component/runs.test.ts']
const RECONCILING = ['tests/async-task-component/reconciler.test.ts']

/** The daemon: the reconciler. */
export const RECONCILING_RULES: Mutant[] = [
  {
    name: 'outcome-of-a-failed-run-not-read',
    file: INSPECTOR,
    from: 'if (outcome) return verdictOf(outcome, runId)',
    to: '',
    tests: RECONCILING,
  },
  {
    name: 'latest-run-for-the-first',
    file: INSPECTOR,
    from: 'description.raw.workflowExecutionInfo?.firstRunId || description.runId',
    to: 'description.runId',
    tests: RECONCILING,
  },
  {
    name: 'any-run-under-the-id',
    file: INSPECTOR,
    from: 'if (knownRunId !== undefined && runId !== knownRunId)',
    to: 'if (knownRunId !== undefined && runId === undefined)',
    tests: RUNS,
  },
  {
    name: 'unavailable-is-not-found',
    file: INSPECTOR,
    from: "return { state: 'unknown', cause }",
    to: "return { state: 'none' }",
    tests: RUNS,
  },
  {
    name: 'closed-as-soon-as-asked-to-cancel',
    file: RECONCILER,
    from: "    return { status: 'running' }\n  }\n}",
    to: "    return { status: 'closed' }\n  }\n}",
    tests: RUNS,
  },
  {
    name: 'cancelled-run-not-cancelled',
    file: RECONCILER,
    from: '(client) => client.workflow.getHandle(workflowId).cancel()',
    to: '(client) => client.workflow.getHandle(workflowId).describe()',
    tests: RUNS,
  },
  {
    name: 'never-reconciles',
    file: RECONCILER,
    from: 'runs.map((run) => takeTurn',
    to: 'runs.slice(runs.length).map((run) => takeTurn',
    tests: RUNS,
  },
]
