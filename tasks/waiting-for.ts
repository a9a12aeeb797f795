/** What a task waits for, for people: as its run reported, or as main sees it. */
import { z } from 'zod'
import { claimableAt, isLive, type NoPlace } from '../protocol/index.js'
import { taskErrorSchema } from '../protocol/messages.js'
import { countOfSameUser } from './task-limits.js'
import type { StoredTask } from './task-reader.js'
import type { TaskStore } from './task-store.js'

export const waitingForSchema = taskErrorSchema.extend({
  /** Unix seconds; null if main does not know. */
  since: z.number().nullable(),
  /** When it is retried; null if nobody knows, or if a try is under way. */
  nextTryAt: z.number().nullable(),
})

export type TaskWaitsFor = z.infer<typeof waitingForSchema>

export async function whatItWaitsFor(
  store: TaskStore,
  { taskKey, state, createdAt }: Pick<StoredTask, 'taskKey' | 'state' | 'createdAt'>,
): Promise<TaskWaitsFor | null> {
  const now = Date.now() / 1000
  if (isLive(state)) {
    const { waitingFor = null } = state
    return waitingFor && { ...waitingFor, nextTryAt: laterThan(now, waitingFor.nextTryAt) }
  }
  const due = claimableAt(state)
  if (due === null) return null
  if (due > now) {
    const message = `Its ${state.status === 'failed' ? 'next attempt' : 'start'} is due at ${new Date(due * 1000).toISOString()}`
    return { code: 'not_due', message, since: state.statusSince ?? createdAt, nextTryAt: due }
  }
  const { paused, maxTasksInFlight, maxTasksInFlightPerUser } = await store.rulesNow()
  const waits = (code: NoPlace, message: string, since: number | null = null) => ({
    code,
    message,
    since,
    nextTryAt: null,
  })
  if (paused) return waits('paused', 'An operator has paused all such tasks: it starts once they resume', paused.since)
  const full = (count: number, max: number, whose: string) =>
    `${count} of ${max} ${whose} are in flight: it starts when one of them has ended`
  if (maxTasksInFlight !== undefined) {
    const inFlight = await store.read('in-flight', () => store.countInFlight())
    if (inFlight >= maxTasksInFlight) return waits('at_capacity', full(inFlight, maxTasksInFlight, 'tasks'))
  }
  if (maxTasksInFlightPerUser === undefined) return null
  const ofUser = await store.read('in-flight-of-user', () => countOfSameUser(store, taskKey))
  if (ofUser < maxTasksInFlightPerUser) return null
  return waits('user_at_capacity', full(ofUser, maxTasksInFlightPerUser, 'of one’s tasks'))
}

function laterThan(now: number, time: number | null): number | null {
  return time !== null && time > now ? time : null
}
