import type { Mutant } from './mutant.js'

/** The whole system, within its limits. */
export const SYSTEM_RULES: Mutant[] = [
  {
    name: 'system-claims-nothing',
    file: 'async-task-component/pull-loop.ts',
    from: 'for (const task of tasks) void this.#start(task)',
    to: 'for (const task of tasks.slice(tasks.length)) void this.#start(task)',
    tests: ['tests/e2e'],
    seconds: 120,
  },
  {
    name: 'system-claims-after-12-seconds',
    file: 'async-task-component/batch-claims.ts',
    from: 'const answer = await main.claimTasks(',
    to: 'await new Promise((resolve) => setTimeout(resolve, 12_000)); const answer = await main.claimTasks(',
    tests: ['tests/e2e'],
    seconds: 120,
  },
  {
    name: 'system-fetches-600-ms-longer',
    file: 'tasks/apis/fetch-pending-tasks.ts',
    from: 'async callback({ signal, daemon }, { limit, waitSeconds = 0 }) {',
    to: 'async callback({ signal, daemon }, { limit, waitSeconds = 0 }) { await new Promise((resolve) => setTimeout(resolve, 600))',
    tests: ['tests/performance/pull-mode.perf.full.test.ts'],
    seconds: 120,
  },
]
