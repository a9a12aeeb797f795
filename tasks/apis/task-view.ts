/** How a task is shown to its user. */
import { z } from 'zod'
import type { APIContext } from '../../lib/api.js'
import { claimableAt, isLive } from '../../protocol/index.js'
import { taskErrorSchema } from '../../protocol/messages.js'
import { spelledNumber } from '../../protocol/wire.js'
import type { StoredTask, Viewer } from '../task-reader.js'
import type { TaskAPIOptions } from './carry-out.js'

/** What the public APIs of an integration share. They have their own namespace, such as `video`. */
export interface PublicAPIOptions extends TaskAPIOptions {
  resultSchema: z.ZodType
}

/** Who reads a task. */
export function viewerOf({ user, operator }: APIContext): Viewer {
  return operator ? 'operator' : { userId: user?.id ?? null }
}

/** Whether only an operator can still move it. */
export function isOver({ state }: StoredTask): boolean {
  return !isLive(state) && claimableAt(state) === null
}

/** A task's id in a path. */
export const taskIdSchema = z.string().min(1).max(100)

/** How many entries of a timeline to skip. */
export const timelineAfterSchema = spelledNumber(z.number().int().min(0).max(1_000_000))

export const timelineEntrySchema = z.object({
  type: z.string(),
  attempt: z.number().int(),
  at: z.number(),
  error: taskErrorSchema.optional(),
  reason: taskErrorSchema.optional(),
})
