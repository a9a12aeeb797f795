import type { Mutant } from './mutant.js'

const SINGLE_CLAIMS = 'async-task-component/single-claims.ts'

/** The whole system, within its limits. */
export const SYSTEM_RULES: Mutant[] = [
  {
    name: 'system-claims-nothing',
    file: SINGLE_CLAIMS,
    from: 'const claims = tasks.map((task)',
    to: 'const claims = tasks.slice(tasks.length).map((task)',
    tests: ['tests/e2e'],
    seconds: 120,
  },
  {
    name: 'system-claims-after-12-seconds',
    file: SINGLE_CLAIMS,
    from: 'const claim = reports.claim(task, how, logger).finally(',
    to: 'const claim = pause(12_000, this.#options.stopping).then(() => reports.claim(task, how, logger)).finally(',
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
