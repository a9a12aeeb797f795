import { describe, expect, it } from 'vitest'
import { holds, SEED } from './holds.js'
import { FAULTS } from './stories.js'

describe('in 500 stories, whatever goes wrong, the invariants hold and the task ends', () => {
  it.each(FAULTS)('%s', { timeout: 120_000 }, (_name, faults) => {
    holds(faults, [], { numRuns: 500, seed: SEED })
    expect.assertions(0)
  })
})
