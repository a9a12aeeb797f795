import { expect, test } from 'vitest'
import { readMachineTime, residentMegabytes, usedBetween } from '@/tools/bench/machine-time.js'
import { median, percentile } from '@/tools/bench/statistics.js'

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
