import { describe, expect, it } from 'vitest'
import { AdaptiveInterval, type RoundOutcome } from '@/async-task-component/adaptive-interval.js'

/** With a random of 0.5 there is no jitter. */
function pauses(outcomes: RoundOutcome[], random = 0.5): number[] {
  const interval = new AdaptiveInterval({ pollIntervalMs: 100, maxPollIntervalMs: 500, random: () => random })
  return outcomes.map((outcome) => interval.after(outcome))
}

describe('AdaptiveInterval', () => {
  it('does not wait after a full batch or when main has waited, and waits the poll interval after some tasks', () => {
    expect(pauses(['full', 'some', 'some', 'waited', 'waited'])).toEqual([0, 100, 100, 0, 0])
  })

  it('grows between the two intervals while nothing comes, and starts over when something does', () => {
    expect(pauses(['empty', 'empty', 'empty', 'empty', 'empty', 'empty', 'some', 'empty'])).toEqual([
      100, 150, 225, 338, 500, 500, 100, 100,
    ])
  })

  it('backs off on its own for errors, a refused token and a closed gate', () => {
    expect(pauses(['error', 'error', 'unauthorized', 'unauthorized', 'closed', 'error'])).toEqual([
      200, 400, 500, 1000, 100, 200,
    ])
  })

  it('keeps asking a closed gate at the poll interval', () => {
    expect(pauses(['closed', 'closed', 'closed'])).toEqual([100, 100, 100])
  })

  it('is never longer than 5 s on errors, and a minute on a refused token', () => {
    expect(pauses(Array(20).fill('error')).at(-1)).toBe(5000)
    expect(pauses(Array(20).fill('unauthorized')).at(-1)).toBe(60_000)
  })

  it('differs by a fifth at most', () => {
    expect(pauses(['some'], 0)).toEqual([80])
    expect(pauses(['some'], 1)).toEqual([120])
  })
})
