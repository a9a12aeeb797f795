/**
 * Videos while every fault happens at random, daemons die and runs are terminated: what the provider accepted is
 * exactly what main knows, nothing is paid twice or left behind, and no secret got anywhere. `MONEY_TASKS` asks for
 * more of them, `MONEY_SEED` for other faults.
 */
import { beforeAll, expect, inject, it } from 'vitest'
import { faultsAt } from '@/simulator/faults.js'
import type { FindingKind } from './judge.js'
import { type MoneyRun, runMoney } from './run.js'
import { LIMIT_MS, SEED, TASKS } from './settings.js'

let run: MoneyRun
beforeAll(async () => {
  run = await runMoney({ tasks: TASKS, seed: SEED, temporalAddress: inject('temporalAddress') })
  process.stdout.write(`money: ${JSON.stringify(run.summary)}\n`)
}, LIMIT_MS + 240_000)

it.each([
  ['nothing is created twice', 'duplicate'],
  ['every create is announced before it', 'unannounced'],
  ['what the provider accepted is what main says was created', 'unaccounted'],
  ['nothing is left under way, or uncollected', 'abandoned'],
  ['every task is final, and every completed one has one stored video', 'lost'],
  ['each attempt is charged what the provider billed for what it created', 'charged'],
] satisfies Array<[string, FindingKind]>)('%s', (_, kind) => {
  const findings = run.findings.filter((finding) => finding.kind === kind).map(({ what }) => what)
  expect(findings, `Logs are in ${run.folder}`).toEqual([])
})

it('as many creates were accepted as attempts created, but for those that ended before anybody looked', () => {
  const { creates, attemptsThatCreated, endedUnseen } = run.summary
  expect(creates).toBe(attemptsThatCreated + endedUnseen)
})

it('what main says was spent is the provider’s bill, but for what vanished there, and for what may have been made', () => {
  const { billed, billedUnknown, charged, chargedVanished, ambiguous, toldCharged, toldAmbiguous } = run.summary
  expect(charged - chargedVanished).toBe(billed - billedUnknown)
  expect({ toldCharged, toldAmbiguous }).toEqual({ toldCharged: charged, toldAmbiguous: ambiguous })
  expect(charged).toBeGreaterThan(0)
})

it('every kind of fault of a create happened, and most videos were made all the same', () => {
  const { faults, completed, kills, terminations, lateCreates } = run.summary
  expect(faultsAt('create', 'created', 'judged', 'end').filter((kind) => !faults[kind])).toEqual([])
  expect(kills).toBeGreaterThan(0)
  expect(terminations).toBeGreaterThan(0)
  expect(lateCreates).toBeGreaterThan(0)
  expect(completed).toBeGreaterThan(TASKS / 3)
})

it.each(['histories', 'database', 'storage', 'answers', 'logs'] as const)('no secret is in the %s', (place) => {
  const { texts, found } = run.scans[place]
  expect(found.slice(0, 20)).toEqual([])
  expect(texts).toBeGreaterThan(place === 'answers' ? 200 : TASKS / 2)
})

it('what was looked through has the answers of success, of each refusal, and of an outage', () => {
  expect(run.summary.keyEchoes).toBeGreaterThan(0)
  expect(run.statuses).toEqual(expect.arrayContaining([200, 302, 400, 401, 404, 409, 503]))
})
