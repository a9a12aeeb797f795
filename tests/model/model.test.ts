import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Broken } from './servers.js'
import { type Faults, type Kind, World } from './world.js'

/**
 * A story is chosen step by step: a kind of thing, and which of those that may happen now. It shrinks to the
 * usual course with the few faults that are needed. On failure fast-check prints the seed and the path, and
 * the error tells the story.
 */
const kind = fc.oneof(
  { arbitrary: fc.constant<Kind>('usual'), weight: 70 },
  { arbitrary: fc.constant<Kind>('time'), weight: 12 },
  { arbitrary: fc.constant<Kind>('fault'), weight: 17 },
  { arbitrary: fc.constant<Kind>('people'), weight: 1 },
)
const stories = fc.array(fc.tuple(kind, fc.nat({ max: 1000 })), { maxLength: 150, size: 'max' })

function live(story: Array<[Kind, number]>, world: World): void {
  const told: string[] = []
  try {
    for (const [kind, choice] of story) {
      const actions = world.menu()[kind]
      const action = actions[choice % actions.length]
      if (!action) continue
      told.push(action.label)
      action.run()
    }
    told.push('no more faults')
    world.settle()
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n  ${told.join('\n  ')}`, { cause })
  }
}

function holds(faults: Faults, broken: Broken[], parameters: fc.Parameters<[Array<[Kind, number]>]>): void {
  const property = fc.property(stories, (story) => live(story, new World(faults, new Set(broken))))
  fc.assert(property, parameters)
}

describe('whatever goes wrong, the invariants hold and the task ends', () => {
  it.each([
    ['with history kept', { restores: false, expiry: false }],
    ['with retention ending', { restores: false, expiry: true }],
    ['with main restored from backups', { restores: true, expiry: false }],
  ])('%s', { timeout: 120_000 }, (_name, faults) => {
    holds(faults, [], { numRuns: 5000 })
    expect.assertions(0)
  })
})

/** Each rule is there for a reason: without it some story breaks an invariant. The seed is fixed. */
describe('the model notices that a rule is missing:', () => {
  it.each<[Broken, RegExp]>([
    ['no fencing', /stale write accepted/],
    ['reuse policy left at its default', /two workflows of attempt/],
    ['read-then-write claim', /two claimers/],
    ['no begin', /paid twice/],
    ['no reconciler', /the task never ended/],
    ['no adopt', /work refused/],
    ['attempts reset on retry', /two runs began/],
    ['no margin', /paid twice/],
    ['unavailable is not found', /live work ended/],
  ])('%s', { timeout: 120_000 }, (broken, violation) => {
    const told = () => holds({ restores: false, expiry: true }, [broken], { numRuns: 20_000, seed: 1 })
    expect(told).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: expect.stringMatching(violation) }) }),
    )
  })
})
