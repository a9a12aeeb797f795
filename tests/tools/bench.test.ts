import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { GOALS, isMet } from '@/tools/bench/goals.js'
import { readMachineTime, residentMegabytes, usedBetween } from '@/tools/bench/machine-time.js'
import { MEASURES } from '@/tools/bench/measures/index.js'
import { withBlock } from '@/tools/bench/page.js'
import { keyOf, type Results, type Round, summaryOf } from '@/tools/bench/results.js'
import { median, percentile } from '@/tools/bench/statistics.js'
import { asMarkdown, rounded } from '@/tools/bench/tables.js'

test('a percentile is the value that so many share or stay below', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile(hundred, 1)]).toEqual([50, 99, 100])
  expect(median([3])).toBe(3)
  expect(() => median([])).toThrow(RangeError)
})

test('what was used is the difference by part, and what is left of the machine’s time is foreign', () => {
  const before = { byPart: { main: 1, bench: 2 }, machine: 10, at: 0 }
  const after = { byPart: { main: 1.5, bench: 2.25, postgres: 0.25 }, machine: 12, at: 2000 }
  expect(usedBetween(before, after)).toEqual({
    byPart: { main: 500, bench: 250, postgres: 250 },
    all: 1000,
    foreignCores: 0.5,
  })
})

test('this process’s own work is counted as the bench’s', () => {
  const before = readMachineTime()
  while (readMachineTime().at < before.at + 200) JSON.stringify(process.env)
  const { byPart, all } = usedBetween(before, readMachineTime())
  expect(byPart.bench).toBeGreaterThan(0)
  expect(all).toBeGreaterThanOrEqual(byPart.bench ?? 0)
  expect(residentMegabytes(process.pid)).toBeGreaterThan(10)
})

test('so is the work of a process that has ended', () => {
  const before = readMachineTime()
  execFileSync(process.execPath, ['-e', 'const end = Date.now() + 300; while (Date.now() < end);'])
  const { byPart } = usedBetween(before, readMachineTime())
  expect(byPart.bench).toBeGreaterThan(100)
})

function round(foreignCores: number, toBare: number): Round {
  return { at: '2026-11-28T12:00:00Z', seconds: 20, foreignCores, figures: { toBare } }
}

test('the medians are those of the rounds that nobody disturbed, and of all where each was', () => {
  const clean = [round(0.02, 0.8), round(0.1, 0.9), round(0.05, 0.7)]
  expect(summaryOf([...clean, round(0.11, 0.1), round(1.4, 0.2)])).toEqual({
    figures: { toBare: 0.8 },
    rounds: 5,
    clean: 3,
  })
  expect(summaryOf([round(0.2, 0.3), round(0.3, 0.1), round(0.4, 0.2)])).toMatchObject({
    figures: { toBare: 0.2 },
    clean: 0,
  })
  expect(summaryOf([])).toBeUndefined()
})

test('a goal is met at its bound, and missed beyond it', () => {
  const least = { is: 'at least', bound: 0.9 } as const
  const most = { is: 'at most', bound: 3 } as const
  expect([0.89, 0.9, 0.91].map((value) => isMet(least, value))).toEqual([false, true, true])
  expect([2.9, 3, 3.1].map((value) => isMet(most, value))).toEqual([true, true, false])
})

test('each goal is about a measure, on a database that it is made on', () => {
  for (const { measure, database } of GOALS) expect(MEASURES[measure]?.databases, measure).toContain(database)
})

test('the page’s tables have the goals beside the medians, and say what was not clean', () => {
  const results: Results = {
    machine: { machine: '2 cores', commit: 'abc' },
    size: { tasks: 1000, rows: 1_000_000, seconds: 10 },
    rounds: {
      [keyOf('dispatch', 'postgresql')]: [round(0, 0.8512), round(0.3, 0.1)],
      [keyOf('dispatch', 'pglite')]: [round(0, 0.75)],
    },
  }
  const text = asMarkdown(results)
  expect(text).toContain('| dispatch / bare starts | postgresql | ≥ 0.9 | 0.851 | **no** | 1 of 2 clean |')
  expect(text).toContain('| dispatch / bare starts | pglite | ≥ 0.75 | 0.75 | yes | 1 clean |')
  expect(text).toContain('| to bare | 0.851 | 0.75 |')
  expect([1234.5, 99.951, 0.0123, 0].map(rounded)).toEqual(['1,235', '100', '0.012', '0'])
})

test('only what is between the marks of the page is written', () => {
  const page = withBlock(
    'Before\n<!-- bench: what is between these two is written by `npm run bench -- --write` -->\nold\n<!-- /bench -->\nAfter\n',
    'new',
  )
  expect(page).toMatch(/^Before\n<!-- bench: [^\n]+ -->\n\nnew\n\n<!-- \/bench -->\nAfter\n$/)
  expect(withBlock(page, 'new')).toBe(page)
  expect(() => withBlock('A page without marks', 'new')).toThrow('no place for figures')
})
