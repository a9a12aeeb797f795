import type { Mutant } from './mutant.js'

const RESULTS = 'tools/bench/results.ts'
const ARITHMETIC = ['tests/tools/bench.test.ts']
const CAPACITY = ['tests/tools/capacity.test.ts']

/** What makes a measurement worth believing. */
export const BENCH_RULES: Mutant[] = [
  {
    name: 'bench-calls-a-disturbed-round-clean',
    file: RESULTS,
    from: 'return foreignCores <= FOREIGN_CORES',
    to: 'return foreignCores <= 10 * FOREIGN_CORES',
    tests: ARITHMETIC,
  },
  {
    name: 'bench-takes-medians-of-disturbed-rounds',
    file: RESULTS,
    from: 'const used = clean.length > 0 ? clean : rounds',
    to: 'const used = rounds',
    tests: ARITHMETIC,
  },
  {
    name: 'bench-calls-its-own-ended-processes-foreign',
    file: 'tools/bench/machine-time.ts',
    from: 'fields.slice(11, 15)',
    to: 'fields.slice(11, 13)',
    tests: ARITHMETIC,
  },
  {
    name: 'bench-turns-a-goal-around',
    file: 'tools/bench/goals.ts',
    from: "is === 'at least' ? value >= bound : value <= bound",
    to: "is === 'at most' ? value >= bound : value <= bound",
    tests: ARITHMETIC,
  },
  {
    name: 'bench-simulates-without-shared-cores',
    file: 'tools/capacity/simulation.ts',
    from: 'if (this.machine) this.machine.serve(ms, done)',
    to: 'if (this.machine === null) throw new Error()',
    tests: CAPACITY,
  },
]
