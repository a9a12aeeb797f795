/** What a task waits for, for people: as its run reported, or as main sees it. */
import { z } from 'zod'
import { claimableAt, isLive } from '../protocol/index.js'
import { taskErrorSchema } from '../protocol/messages.js'
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
  { state, createdAt }: Pick<StoredTask, 'state' | 'createdAt'>,
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
  const { maxTasksInFlight } = store.rules
  if (maxTasksInFlight === undefined) return null
  const inFlight = await store.read('in-flight', () => store.countInFlight())
  if (inFlight < maxTasksInFlight) return null
  const message = `${inFlight} of ${maxTasksInFlight} tasks are in flight: it starts when one of them has ended`
  return { code: 'at_capacity', message, since: null, nextTryAt: null }
}

function laterThan(now: number, time: number | null): number | null {
  return time !== null && time > now ? time : null
}
