/** A task as it is shown to its user, and told to a webhook. */
import { z } from 'zod'
import { claimableAt, isLive } from '../protocol/index.js'
import { taskErrorSchema } from '../protocol/messages.js'
import { taskStatusSchema } from '../protocol/wire.js'
import type { StoredTask } from './task-reader.js'

/** A task as shown, in a list too. Times are in unix seconds. */
export const taskFields = {
  taskId: z.string(),
  status: taskStatusSchema,
  /** Attempts that have ended. */
  attempts: z.number().int(),
  createdAt: z.number(),
  startedAt: z.number().nullable(),
  /** When its next attempt may start; null if one is under way, or if there will be none. */
  dueAt: z.number().nullable(),
  error: taskErrorSchema.nullable(),
}

export function showTask({ taskKey, createdAt, state }: StoredTask): z.input<z.ZodObject<typeof taskFields>> {
  const { status, attempts, startedAt, error } = state
  const claimable = isLive(state) ? null : claimableAt(state)
  // One without a time of its own is due from its creation on.
  const dueAt = claimable === null ? null : Math.max(claimable, createdAt)
  return { taskId: taskKey, status, attempts, createdAt, startedAt, dueAt, error }
}
