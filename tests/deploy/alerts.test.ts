/** The alerts and the dashboard name what there is: metrics and labels that the code declares, and the runbook's sections. */
import { readFileSync } from 'node:fs'
import { parser } from '@prometheus-io/lezer-promql'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { DAEMON_METRICS } from '@/async-task-component/metrics.js'
import type { MetricDeclaration } from '@/lib/metrics.js'
import { MAIN_METRICS } from '@/main-component/metrics.js'

const { groups } = z
  .object({
    groups: z.tuple([
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            expr: z.string(),
            labels: z.object({ severity: z.enum(['warning', 'critical']) }),
            annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook: z.string() }),
          }),
        ),
      }),
    ]),
  })
  .parse(parse(readFileSync('deploy/prometheus/alerts.yaml', 'utf8')))
const [{ rules }] = groups
const { panels } = z
  .object({ panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })) })
  .parse(JSON.parse(readFileSync('deploy/grafana/dashboard.json', 'utf8')))

const declared: Record<string, MetricDeclaration> = { ...MAIN_METRICS, ...DAEMON_METRICS }
/** Of Prometheus itself, and of every process. */
const OTHERS = ['up', 'nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes', 'process_cpu_seconds_total']
/** Put on by Prometheus. */
const SCRAPED = ['job', 'instance']

const expressions = [
  ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [`panel ${title}`, expr] as const)),
]

it.each(expressions)('%s asks for metrics and labels that there are', (_, expression) => {
  // Grafana puts it in.
  const text = expression.replaceAll('$__rate_interval', '5m')
  const problems: string[] = []
  const known = new Set(SCRAPED)
  const labels: string[] = []
  parser.parse(text).iterate({
    enter({ name, from, to, type }) {
      const said = text.slice(from, to)
      if (type.isError) problems.push(`no PromQL from ${from}: ${said}`)
      if (name === 'LabelName') labels.push(said)
      if (name !== 'VectorSelector') return
      const metric = /^\w+/.exec(said)?.[0] ?? ''
      const declaration = declared[metric] ?? declared[metric.replace(/_(bucket|count|sum)$/, '')]
      if (!declaration && !OTHERS.includes(metric)) problems.push(`no metric ${metric}`)
      for (const label of declaration?.labels ?? []) known.add(label)
      if (declaration?.type === 'histogram') known.add('le')
    },
  })
  problems.push(...labels.filter((label) => !known.has(label)).map((label) => `no label ${label}`))
  expect(problems).toEqual([])
})

it('shows on the dashboard whatever is measured', () => {
  const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n')
  expect(Object.keys(declared).filter((metric) => !shown.includes(metric))).toEqual([])
})

describe('the runbook', () => {
  const [, chapter = ''] = readFileSync('docs/runbook.md', 'utf8').split(/^## (?:Alerts|Ordinary work)$/m)
  const sections = chapter.split(/^### /m).slice(1)

  it('has a section for each alert, in their order, and for no other', () => {
    expect(sections.map((section) => section.split('\n')[0])).toEqual(rules.map(({ alert }) => alert))
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook).toBe(`docs/runbook.md#${alert.toLowerCase()}`)
    }
  })

  it.each(rules.map(({ alert }) => alert))(
    'says of %s what it means, what to look at, what to do, and how to know',
    (alert) => {
      const section = sections.find((one) => one.startsWith(`${alert}\n`)) ?? ''
      for (const part of ['**Means.**', '**Look.**', '**Do.**', '**Helped when.**']) expect(section).toContain(part)
    },
  )
})
