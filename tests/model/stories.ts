import fc from 'fast-check'
import type { Step } from './servers.js'
import { type Faults, type Kind, World } from './world.js'

/**
 * A story is chosen step by step: a kind of thing, and which of those that may happen now. It shrinks to the
 * usual course with the few faults that are needed. On failure fast-check prints the seed and the path, and
 * the error tells the story.
 */
export type Story = Array<[Kind, number]>

const kind = fc.oneof(
  { arbitrary: fc.constant<Kind>('usual'), weight: 70 },
  { arbitrary: fc.constant<Kind>('time'), weight: 12 },
  { arbitrary: fc.constant<Kind>('fault'), weight: 17 },
  { arbitrary: fc.constant<Kind>('people'), weight: 1 },
)
export const stories: fc.Arbitrary<Story> = fc.array(fc.tuple(kind, fc.nat({ max: 1000 })), {
  maxLength: 150,
  size: 'max',
})

export const FAULTS: Array<[string, Faults]> = [
  ['with history kept', { restores: false, expiry: false }],
  ['with retention ending', { restores: false, expiry: true }],
  ['with main restored from backups', { restores: true, expiry: false }],
  ['with a provider that cannot be asked', { restores: false, expiry: true, blind: true }],
  ['with such a one, and main restored from backups', { restores: true, expiry: false, blind: true }],
]

export const anyFaults = fc.constantFrom(...FAULTS.map(([, faults]) => faults))

/** Lets the story happen, and then whatever is left to do. */
export function live(story: Story, world: World): void {
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

/** What happens to main in the story. */
export function historyOf(story: Story, faults: Faults): Step[] {
  const world = new World(faults)
  live(story, world)
  return world.main.history
}

/** Of so many stories those in which main does something that it does in none before: few stand for all. */
export function tellingStories(howMany: number, seed: number): Array<[Story, Faults]> {
  const told = new Set<string>()
  const sample = fc.sample(fc.tuple(stories, anyFaults), { numRuns: howMany, seed })
  return sample.filter(([story, faults]) => {
    const toldBefore = told.size
    for (const kind of kindsOf(historyOf(story, faults))) told.add(kind)
    return told.size > toldBefore
  })
}

/** What main does, by the row that it finds, or the reason for which it does nothing. */
function kindsOf(history: Step[]): string[] {
  return history.map((step, index) => {
    const before = history[index - 1]
    if (step.kind === 'claim') {
      const { claim, claimed, suspect } = step.answer
      const { takeOver, runId } = claim ?? {}
      return `batch of ${step.limit} ${before?.state.status} ${claimed} ${suspect} ${takeOver} ${runId !== undefined} ${step.events.length - (before?.events.length ?? 0)}`
    }
    if (step.kind !== 'request') return step.kind
    const { request, answer } = step
    const types = step.events.slice(before?.events.length ?? 0).map((event) => event.type)
    if (types.length > 0) return `${before?.state.status} ${types}`
    return `${request.status} ${answer.ok ? 'again' : answer.reason}`
  })
}
