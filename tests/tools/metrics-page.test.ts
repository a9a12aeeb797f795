import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DAEMON_METRICS } from '@/async-task-component/metrics.js'
import type { MetricDeclaration } from '@/lib/metrics.js'
import { MAIN_METRICS } from '@/main-component/metrics.js'
import { METRICS_PAGE, metricsPage } from '@/tools/metrics-page.js'

it('docs/metrics.md is what the code declares: npm run docs:metrics writes it', () => {
  expect(readFileSync(METRICS_PAGE, 'utf8')).toBe(metricsPage())
})

const declared: Array<[string, MetricDeclaration]> = [
  ...Object.entries(MAIN_METRICS),
  ...Object.entries(DAEMON_METRICS),
]

it.each(declared)('%s has a name as Prometheus has them, and no label for what there are many of', (name, metric) => {
  expect(name).toMatch(/^asynctask_[a-z_]+$/)
  expect(name.endsWith('_total')).toBe(metric.type === 'counter')
  if (metric.type === 'histogram') expect(name).toMatch(/_seconds$/)
  const known = ['integration', 'status', 'state', 'reason', 'outcome', 'code', 'result', 'finding', 'purpose', 'loop']
  expect([...known, 'currency', 'component', 'version', 'node']).toEqual(
    expect.arrayContaining([...(metric.labels ?? [])]),
  )
})
