/** Writes `docs/metrics.md` from what declares the metrics: `npm run docs:metrics`. A test compares the two. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DAEMON_METRICS } from '../async-task-component/metrics.js'
import type { MetricDeclarations } from '../lib/metrics.js'
import { MAIN_METRICS } from '../main-component/metrics.js'

export const METRICS_PAGE = fileURLToPath(new URL('../docs/metrics.md', import.meta.url))

export function metricsPage(): string {
  return `# Metrics

This page is made of the code by \`npm run docs:metrics\`.

Main serves its metrics at \`GET /metrics\`, the daemon at \`GET /metrics\` of its health port
(\`ASYNC_TASK_HEALTH_PORT\`), as OpenMetrics text, which Prometheus reads. A process counts from its start. Labels carry
no ids and no texts of users; \`integration\` is the namespace of its APIs.

- **Who may read them.** Main asks for the operator's token, or for \`METRICS_TOKEN\`, which opens nothing else;
  \`METRICS_ALLOW_ANONYMOUS=true\` opens them to everybody who reaches main. The daemon asks for \`METRICS_TOKEN\` where
  it is set, and for nothing where it is not: its port is not for the public.
- **What they cost.** Nothing is measured that nobody asks for, but what is counted as it happens. Main counts the open
  tasks in its database at most every 5 seconds and for one hundredth of the time, however many scrapes come: by its
  indexes, of each kind up to 100,000, in some 13 ms with 200,000 pending of 1,000,000 tasks. While the database is away,
  \`asynctask_database_up\` is 0, and what is counted there is missing.
- **Temporal's own.** With \`TEMPORAL_METRICS_PORT\` the daemon serves what Temporal's SDK measures (worker slots, sticky
  cache, latencies, polls) at \`GET /metrics\` of that port, on the host of the health port: names begin with
  \`temporal_\`. That server is the SDK's own, and asks for no token. Temporal's documentation lists them:
  https://docs.temporal.io/references/sdk-metrics
- **Of the process.** Both serve \`process_*\` and \`nodejs_*\` too: CPU, memory, garbage collection, and the event loop's
  delay (\`nodejs_eventloop_lag_p99_seconds\`), from the first scrape on.

## Main

${table(MAIN_METRICS)}

## The daemon

${table(DAEMON_METRICS)}
`
}

function table(declarations: MetricDeclarations): string {
  const rows = Object.entries(declarations).map(([name, { type, help, labels = [] }]) => {
    const of = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${of} | ${help} |`
  })
  return ['| metric | type | labels | what it tells |', '|---|---|---|---|', ...rows].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(METRICS_PAGE, metricsPage())
