import type { Mutant } from './mutant.js'

const MAIN = ['tests/main-component/metrics.test.ts']
const TRACES = ['tests/main-component/traces.test.ts']
const COUNTING = 'main-component/count-metrics.ts'

/** Metrics, probes, and how Temporal shows runs. */
export const OBSERVING_RULES: Mutant[] = [
  {
    name: 'run-tells-no-trace',
    file: 'async-task-component/workflow-spans.ts',
    from: 'const run = { traceparent, startMs: Date.now() }',
    to: "const run = { traceparent: '', startMs: Date.now() }",
    tests: ['tests/workflows/traced-replay.full.test.ts'],
  },
  {
    name: 'failed-run-run-again-by-temporal',
    file: 'async-task-component/attempt-start.ts',
    from: '        ...shown,',
    to: '        ...shown,\n        retry: { maximumAttempts: 3 },',
    tests: ['tests/async-task-component/run-labels.test.ts'],
  },
  {
    name: 'failed-run-shown-as-completed',
    file: 'provider-kit/workflow/run-attempt.ts',
    from: 'throw endAsFailed(outcome, isCancelled)',
    to: 'return isCancelled === undefined ? outcome : { ...outcome }',
    tests: ['tests/workflows/shown-in-temporal.full.test.ts'],
  },
  {
    name: 'task-fails-for-its-search-attributes',
    file: 'async-task-component/attempt-start.ts',
    from: "failure.kind !== 'rejected' || shown?.typedSearchAttributes === undefined",
    to: "failure.kind !== 'ambiguous' || shown?.typedSearchAttributes === undefined",
    tests: ['tests/async-task-component/run-labels.test.ts'],
  },
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
    from: 'if (performance.now() > freshUntil) looking ??= look()',
    to: 'looking ??= look()',
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
  {
    name: 'claim-without-a-link-to-the-one-before',
    file: 'tasks/claim-spans.ts',
    from: 'const links = earlier === null ? [] : [withSpanId(traceparent, claimSpanId(taskKey, earlier))]',
    to: 'const links = earlier === null ? [] : [traceparent]',
    tests: TRACES,
  },
  {
    name: 'claim-that-tells-no-trace',
    file: 'tasks/claim-batch.ts',
    from: ', ...traceOfClaim(row, state) }',
    to: ' }',
    tests: TRACES,
  },
  {
    name: 'activity-outside-of-its-run',
    file: 'async-task-component/tracing.ts',
    from: 'parent: withSpanId(start, spanIdOf(runId)),',
    to: 'parent: start,',
    tests: ['tests/async-task-component/run-spans.test.ts'],
  },
  {
    name: 'polls-begin-traces',
    file: 'main-component/trace-requests.ts',
    from: "method === 'POST' && (operator || !internal)",
    to: "method === 'POST' || operator || !internal",
    tests: TRACES,
  },
  {
    name: 'secret-in-a-span',
    file: 'lib/tracing-sdk.ts',
    from: 'isOwn ? redactValue(status, redact)',
    to: 'isOwn ? redactValue(status, (text) => text)',
    tests: ['tests/lib/tracing.test.ts'],
  },
  {
    name: 'words-of-errors-in-a-span',
    file: 'lib/tracing-sdk.ts',
    from: 'isOwn ? events : events.map(withKindOnly)',
    to: 'events',
    tests: ['tests/lib/tracing.test.ts'],
  },
  {
    name: 'traces-hold-up-a-stop',
    file: 'lib/tracing-sdk.ts',
    from: 'const FLUSH_MS = 3000',
    to: 'const FLUSH_MS = 60_000',
    tests: ['tests/lib/tracing.test.ts'],
  },
  {
    name: 'log-level-for-everybody',
    file: 'async-task-component/log-level-route.ts',
    from: "mayChange(c.req.header('authorization'))",
    to: "(mayChange(c.req.header('authorization')) || true)",
    tests: ['tests/async-task-component/health-server.test.ts'],
  },
]
