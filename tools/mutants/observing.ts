import type { Mutant } from './mutant.js'

const MAIN = ['tests/main-component/metrics.test.ts']
const COUNTING = 'main-component/count-metrics.ts'

/** Metrics and probes. */
export const OBSERVING_RULES: Mutant[] = [
  {
    name: 'metrics-token-opens-more',
    file: 'main-component/authentication.ts',
    from: 'const mayOperate = (authorization: string | undefined) => isDaemon(authorization) || isOperator(authorization)',
    to: 'const mayOperate = (authorization: string | undefined) => [isDaemon, isOperator, createTokenCheck([metrics?.token ?? "-"])].some((opens) => opens(authorization))',
    tests: MAIN,
  },
  {
    name: 'metrics-for-everybody',
    file: 'main-component/authentication.ts',
    from: 'metrics?.allowAnonymous === true ||',
    to: 'metrics?.allowAnonymous !== undefined ||',
    tests: MAIN,
  },
  {
    name: 'each-scrape-counts-anew',
    file: COUNTING,
    from: 'performance.now() - lookedAt > COUNTED_FOR_MS',
    to: 'performance.now() > lookedAt',
    tests: MAIN,
  },
  {
    name: 'counts-of-a-database-that-is-away',
    file: COUNTING,
    from: 'of.asynctask_database_up.set(0)',
    to: 'of.asynctask_database_up.set(1)',
    tests: MAIN,
  },
  {
    name: 'any-text-as-a-label',
    file: 'lib/metrics.ts',
    from: 'codes.size >= MOST_VALUES || !CODE.test(code)',
    to: 'codes.size >= MOST_VALUES',
    tests: ['tests/lib/metrics.test.ts'],
  },
  {
    name: 'busy-is-not-ready',
    file: 'async-task-component/health-server.ts',
    from: "closedBy === 'temporal_unavailable'",
    to: 'closedBy !== null',
    tests: ['tests/async-task-component/health-server.test.ts'],
  },
  {
    name: 'restart-for-a-lost-database',
    file: 'main-component/probes.ts',
    from: "app.get('/livez', (c) => answer(c, dead()))",
    to: "app.get('/livez', async (c) => answer(c, (await answersQueries(controller)) ? dead() : ['away']))",
    tests: ['tests/main-component/probes.test.ts'],
  },
]
