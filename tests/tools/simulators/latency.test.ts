import { expect, it } from 'vitest'
import { createLatency } from '@/simulator/latency.js'

const provider = { shortest: 25_000, longest: 40_000 }
const drawn = (latency: () => number) => Array.from({ length: 100 }, () => latency())

it('a latency is what it is set to, for anything', () => {
  const latency = createLatency({ latencyMs: 70 }, provider, 1)
  expect([latency(), latency(3)]).toEqual([70, 70])
  expect(createLatency({}, provider, 1)()).toBe(3000)
})

it('a realistic latency is the provider’s, times the scale, for as much as is made', () => {
  const asInLife = drawn(createLatency({ latencyScale: 1 }, provider, 1))
  expect(Math.min(...asInLife)).toBeGreaterThanOrEqual(25_000)
  expect(Math.max(...asInLife)).toBeLessThanOrEqual(40_000)
  expect(Math.max(...asInLife) - Math.min(...asInLife)).toBeGreaterThan(10_000)
  expect(createLatency({ latencyScale: 0.01 }, provider, 1)(3)).toBeCloseTo((asInLife[0] ?? 0) * 0.03, 6)
})

it('a realistic latency follows from the seed', () => {
  const of = (seed: number) => drawn(createLatency({ latencyScale: 1 }, provider, seed))
  expect(of(1)).toEqual(of(1))
  expect(of(1)).not.toEqual(of(2))
})
