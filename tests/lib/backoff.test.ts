import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type Backoff, backoff } from '@/lib/backoff.js'

const SEED = Number(process.env.PROTOCOL_SEED ?? 1)

const jitter = fc
  .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 1, max: 2, noNaN: true }))
  .map(([least, most]) => [least, most] as const)
const policies: fc.Arbitrary<Backoff> = fc.record(
  {
    first: fc.integer({ min: 0, max: 86_400_000 }),
    max: fc.integer({ min: 0, max: 86_400_000 }),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    jitter,
  },
  { requiredKeys: ['first', 'max'] },
)
const failures = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** What is left to chance is a number's last digit. */
const ROUNDING = 1 + 1e-12

function check<Values extends [unknown, ...unknown[]]>(
  arbitraries: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  holds: (...values: Values) => void,
): void {
  fc.assert(fc.property(...arbitraries, holds), { seed: SEED, numRuns: 1000 })
}

describe('a back-off', () => {
  it('begins with its first pause, and doubles it up to the longest', () => {
    const pauses = [1, 2, 3, 4, 5, 6].map((failures) => backoff({ first: 200, max: 5000 }, failures))
    expect(pauses).toEqual([200, 400, 800, 1600, 3200, 5000])
  })

  it('never shrinks from one failure to the next, and is never longer than the longest', () => {
    check([policies, failures], ({ jitter: _, ...policy }, count) => {
      const pause = backoff(policy, count)
      expect(pause).toBeGreaterThanOrEqual(backoff(policy, 1))
      expect(pause).toBeLessThanOrEqual(backoff(policy, count + 1))
      expect(pause).toBeLessThanOrEqual(policy.max)
    })
  })

  it('reaches the longest pause, if it grows at all', () => {
    check([policies], ({ jitter: _, ...policy }) => {
      const { first, max, factor = 2 } = policy
      if (first === 0 || factor < 1.5) return
      expect(backoff(policy, 101)).toBe(max)
    })
  })

  it('is a pause, however many failures there were', () => {
    check([policies, failures, chance], (policy, count, random) => {
      const pause = backoff(policy, count, () => random)
      expect(Number.isFinite(pause)).toBe(true)
      expect(pause).toBeGreaterThanOrEqual(0)
    })
  })

  it('leaves to chance what lies between the two ends of its jitter', () => {
    check([policies, jitter, failures, chance], (policy, [least, most], count, random) => {
      const { jitter: _, ...without } = policy
      const plain = backoff(without, count)
      const pauseAt = (at: number) => backoff({ ...without, jitter: [least, most] }, count, () => at)
      expect(pauseAt(0)).toBe(plain * least)
      expect(pauseAt(random)).toBeGreaterThanOrEqual((plain * least) / ROUNDING)
      expect(pauseAt(random)).toBeLessThanOrEqual(plain * most * ROUNDING)
    })
  })

  it('asks chance once, and only where there is jitter: workflows are replayed with the same chance', () => {
    const random = vi.fn(() => 0.5)
    backoff({ first: 1, max: 10 }, 3, random)
    expect(random).toHaveBeenCalledTimes(0)
    backoff({ first: 1, max: 10, jitter: [0.5, 1] }, 3, random)
    expect(random).toHaveBeenCalledTimes(1)
  })
})
