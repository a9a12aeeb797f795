/** Prometheus' own tool reads the alerts, and tries them against series. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { promtool } from './promtool.js'

const ALERTS = 'deploy/prometheus/alerts.yaml'
const TRIED = 'tests/deploy/fixtures/alerts.promtool.yaml'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alerts-'))
})
afterAll(() => rm(folder, { recursive: true }))

it('are read by Prometheus', async () => {
  await promtool('check', 'rules', ALERTS)
})

it('fire when they should, and only then', async () => {
  // promtool compares the annotations too, which are for people.
  const groups = (await readAlerts()).map((group) => ({
    ...group,
    rules: group.rules.map(({ annotations: _, ...rule }) => rule),
  }))
  await writeFile(join(folder, 'alerts.yaml'), stringify({ groups }))
  await writeFile(join(folder, 'tests.yaml'), await readFile(TRIED, 'utf8'))
  await promtool('test', 'rules', join(folder, 'tests.yaml'))
})

it('are each seen to fire, and each to be silent', async () => {
  const { tests } = z
    .object({
      tests: z.array(
        z.object({ alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })) }),
      ),
    })
    .parse(parse(await readFile(TRIED, 'utf8')))
  const tried = tests.flatMap(({ alert_rule_test }) => alert_rule_test)
  const names = (await readAlerts()).flatMap(({ rules }) => rules.map(({ alert }) => alert))
  const expected = (fires: boolean) =>
    [...new Set(tried.filter((one) => one.exp_alerts.length > 0 === fires).map((one) => one.alertname))].sort()
  expect(expected(true)).toEqual(names.sort())
  expect(expected(false)).toEqual(names)
})

async function readAlerts() {
  const rule = z.looseObject({ alert: z.string(), annotations: z.unknown() })
  const file = z.object({ groups: z.array(z.looseObject({ rules: z.array(rule) })) })
  return file.parse(parse(await readFile(ALERTS, 'utf8'))).groups
}
