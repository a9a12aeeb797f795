/** Main, over HTTP and on real databases, does what the model's main does in the model's stories. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it, vi } from 'vitest'
import { createDatabase } from '../support/shared.js'
import { appendBothWays } from './both-ways.js'
import { racesOf } from './races.js'
import { RealMain } from './real-main.js'
import { replay } from './replay.js'
import { anyFaults, historyOf, stories, tellingStories } from './stories.js'

const SEED = Number(process.env.MODEL_SEED ?? 1)
const TELLING = tellingStories(2000, SEED)
const RANDOM_STORIES = 10
const RACES = 30
const TIMEOUT_MS = 300_000
/** A failure is told before the test's time is over, however far it has shrunk by then. */
const PATIENCE = { interruptAfterTimeLimit: TIMEOUT_MS * 0.8, markInterruptAsFailure: true }

// Back-offs are left to chance, and the model's chance is this.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let real: RealMain
  beforeAll(async () => {
    real = await RealMain.start(database === 'PGLite' ? undefined : await createDatabase())
  })
  afterAll(() => real.stop())

  it('every request of a story is answered and stored as by the model', { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(stories, anyFaults, (story, faults) => replay(real, historyOf(story, faults))),
      { seed: SEED, examples: TELLING, numRuns: TELLING.length + RANDOM_STORIES, ...PATIENCE },
    )
  })

  it('written past interaqt, or by it, or by each in turns, a row and its events are the same', {
    timeout: TIMEOUT_MS,
  }, async () => {
    appendBothWays()
    await fc.assert(
      fc.asyncProperty(stories, anyFaults, (story, faults) => replay(real, historyOf(story, faults))),
      { seed: SEED, examples: TELLING, numRuns: TELLING.length + RANDOM_STORIES, ...PATIENCE },
    )
  })

  it('of two requests at once either may be the first', { timeout: TIMEOUT_MS }, async () => {
    const property = fc.asyncProperty(stories, anyFaults, fc.nat(), async (story, faults, choice) => {
      const history = historyOf(story, faults)
      const races = racesOf(history)
      const race = races[choice % races.length]
      if (race) await replay(real, history.slice(0, race.after), race)
    })
    await fc.assert(property, { seed: SEED, numRuns: RACES, ...PATIENCE })
  })
})
