/** Which tasks a run asks for, and when. Pure: it follows from the seed. */
import type { TaskKind } from '../stack/task-client.js'
import { seededRandom } from './random.js'

export interface PlannedTask {
  kind: TaskKind
  request: object
  /** Unique to the task, and found again in its stored parameters. */
  marker: string
  /** Whether the provider is told to refuse it: the one way in which a task may end as failed. */
  refused: boolean
  atMs: number
}

/** Draws `count` tasks, spread over the window: half need no provider, two fifths are videos, the rest images. */
export function planTasks(seed: number, count: number, windowMs: number): PlannedTask[] {
  const random = seededRandom(seed, 'tasks')
  return Array.from({ length: count }, (_, index) => {
    const marker = `chaos-${seed}-${index}`
    const chance = random.next()
    const kind: TaskKind = chance < 0.5 ? 'test' : chance < 0.9 ? 'video' : 'image'
    const refused = kind !== 'test' && random.next() < 0.06
    const verdict = refused ? ` ${random.pick(['[refuse]', '[fail]'])}` : ''
    return {
      kind,
      marker,
      refused,
      request:
        kind === 'test'
          ? { message: marker, ...random.pick(TEST_WORK) }
          : { prompt: `${marker}${verdict}`, ...(kind === 'video' && { duration: 2, ratio: '1:1' }) },
      atMs: Math.round(((index + random.next()) / count) * windowMs),
    }
  })
}

const TEST_WORK = [
  { kind: 'simple' },
  { kind: 'delayed', delayMs: 3000 },
  { kind: 'multiStep', failures: 1 },
  { kind: 'longRunning', durationMs: 4000 },
] as const
