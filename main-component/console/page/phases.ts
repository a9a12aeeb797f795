/** What a task spent its time with, told from its timeline. */
import type { Task, TimelineEntry } from './answers.js'

export type PhaseKind = 'waiting' | 'claimed' | 'begun' | 'provider' | 'held'

export interface Phase {
  attempt: number
  kind: PhaseKind
  /** Unix seconds. */
  from: number
  to: number
}

export interface Mark {
  attempt: number
  kind: 'takeOver' | 'completed' | 'failed' | 'cancelled'
  at: number
}

export interface Story {
  phases: Phase[]
  marks: Mark[]
}

/** What begins with an event; undefined for those that begin nothing. */
const BEGINS: Partial<Record<TimelineEntry['type'], PhaseKind>> = {
  queued: 'claimed',
  begun: 'begun',
  processing: 'provider',
  waiting: 'held',
  resumed: 'provider',
  released: 'waiting',
  failed: 'waiting',
  retried: 'waiting',
}

/** @param now the end of what is under way */
export function storyOf({ timeline, createdAt, dueAt, status }: Task, now: number): Story {
  const phases: Phase[] = []
  const marks: Mark[] = []
  let current: { attempt: number; kind: PhaseKind; from: number } | undefined = {
    attempt: 1,
    kind: 'waiting',
    from: createdAt,
  }
  const end = (at: number) => {
    if (current && at > current.from) phases.push({ ...current, to: at })
    current = undefined
  }
  for (const { type, attempt, at } of timeline) {
    const kind = BEGINS[type as TimelineEntry['type']]
    if (type === 'queued' && current && current.kind !== 'waiting') marks.push({ attempt, kind: 'takeOver', at })
    if (type === 'completed' || type === 'failed' || type === 'cancelled') marks.push({ attempt, kind: type, at })
    if (kind === undefined && type !== 'completed' && type !== 'cancelled') continue
    end(at)
    if (kind !== undefined) current = { attempt: type === 'failed' ? attempt + 1 : attempt, kind, from: at }
  }
  // After its last failure it waits for nothing.
  if (status !== 'failed' || dueAt !== null) end(now)
  return { phases, marks }
}
