import fc from 'fast-check'
import type { Broken } from './servers.js'
import { live, type Story, stories } from './stories.js'
import { type Faults, World } from './world.js'

export const SEED = Number(process.env.MODEL_SEED ?? 1)

/** Throws where a story breaks an invariant, with the shortest such story. */
export function holds(faults: Faults, broken: Broken[], parameters: fc.Parameters<[Story]>): void {
  const property = fc.property(stories, (story) => live(story, new World(faults, new Set(broken))))
  fc.assert(property, parameters)
}
