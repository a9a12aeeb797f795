import { describe, expect, it } from 'vitest'
import { holds, SEED } from './holds.js'
import type { Broken } from './servers.js'
import { FAULTS } from './stories.js'
import type { Faults } from './world.js'

describe('whatever goes wrong, the invariants hold and the task ends', () => {
  it.each(FAULTS)('%s', { timeout: 120_000 }, (_name, faults) => {
    holds(faults, [], { numRuns: 5000, seed: SEED })
    expect.assertions(0)
  })
})

/** Each rule is there for a reason: without it some story breaks an invariant. */
describe('the model notices that a rule is missing:', () => {
  it.each<[Broken, RegExp, Partial<Faults>?]>([
    ['no fencing', /stale write accepted/],
    ['reuse policy left at its default', /two workflows of attempt/],
    ['read-then-write claim', /two claimers/],
    ['no begin', /paid twice/],
    ['no reconciler', /the task never ended/],
    ['no adopt', /work refused/],
    ['attempts reset on retry', /two runs began/],
    ['no margin', /paid twice/],
    ['claim ids forgotten', /a claimId has claimed twice/],
    ['unavailable is not found', /live work ended/],
    ['processing closes every intent', /paid twice/, { blind: true }],
  ])('%s', { timeout: 120_000 }, (broken, violation, faults) => {
    const told = () => holds({ restores: false, expiry: true, ...faults }, [broken], { numRuns: 20_000, seed: 1 })
    expect(told).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: expect.stringMatching(violation) }) }),
    )
  })
})
