/** What users may do with their own tasks besides reading one: list them, and cancel one. */
import { z } from 'zod'
import { type API, APIError, createAPI } from '../../lib/api.js'
import { operatorAnswerSchema, spelledNumber, taskStatusSchema } from '../../protocol/wire.js'
import { cursorSchema, spellCursor } from '../cursor.js'
import { showTask, taskFields } from '../shown-task.js'
import { requestOfTask, taskNotFound } from './carry-out.js'
import { type PublicAPIOptions, taskIdSchema, viewerOf } from './task-view.js'

const MAX_PAGE = 100

/** Makes `GET tasks` and `POST tasks/:taskId/cancel`. */
export function createOwnTasksAPIs(options: PublicAPIOptions): API[] {
  const { namespace, store } = options
  return [
    createAPI({
      name: 'tasks',
      namespace,
      method: 'GET',
      summary: `One's own ${namespace} tasks, the newest first`,
      params: z.strictObject({
        status: taskStatusSchema.optional(),
        limit: spelledNumber(z.number().int().min(1).max(MAX_PAGE)).default(20),
        /** The previous page's `next`. */
        after: placeSchema.optional(),
      }),
      answer: z.object({
        tasks: z.array(z.object(taskFields)),
        /** Send it as `after` to get the next page; null on the last page. */
        next: z.string().nullable(),
      }),
      async callback({ user, operator }, { status, limit = 20, after }) {
        if (operator) {
          const error = 'This token is no user’s, and has no tasks of its own: ask as a user'
          throw new APIError(403, { success: false, error })
        }
        const found = await store().list(user?.id ?? null, limit + 1, status, after)
        const page = found.slice(0, limit)
        const last = page.at(-1)
        return {
          tasks: page.map(showTask),
          next: found.length > limit && last ? spellCursor(last.createdAt, last.taskKey) : null,
        }
      },
    }),
    createAPI({
      name: 'tasks/:taskId/cancel',
      namespace,
      summary: `Cancel one's own ${namespace} task, if it is not over. What its provider has begun may still be charged for`,
      params: z.strictObject({ taskId: taskIdSchema }),
      answer: operatorAnswerSchema,
      async callback(context, { taskId }) {
        const task = await store().findByKey(taskId, viewerOf(context))
        if (!task) throw taskNotFound()
        const by = context.user?.id ?? 'nobody in particular'
        const { state } = await requestOfTask(options, task.id, { from: 'operator', status: 'cancelled', by })
        return { success: true as const, status: state.status }
      },
    }),
  ]
}

/** It contains nothing of a row that the task itself does not show. */
const placeSchema = cursorSchema(['taskKey'], 'must be the `next` of a page')
