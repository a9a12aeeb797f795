/** `GET operator/tasks`: the tasks of all integrations, by filters. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { MAX_LISTED } from '../../protocol/limits.js'
import { spelledNumber } from '../../protocol/wire.js'
import { showTask, taskFields } from '../shown-task.js'
import { choose, FOR_OPERATORS, type OperatorsOptions } from './operated.js'
import { placeSchema, spellPlace } from './place.js'
import { searchTasks, taskFilterFields } from './search.js'

export const listedTaskSchema = z.object({
  ...taskFields,
  integration: z.string(),
  userId: z.string().nullable(),
  /** Since when it has its status; null in rows of earlier versions. */
  statusSince: z.number().nullable(),
})

export const taskListSchema = z.object({
  tasks: z.array(listedTaskSchema),
  /** Send it as `after` for older tasks; null if there are none. */
  next: z.string().nullable(),
  /** Send it as `before` for newer tasks; null if there were none. */
  previous: z.string().nullable(),
})

export function createTaskListAPI({ operated }: OperatorsOptions): API {
  return createAPI({
    ...FOR_OPERATORS,
    name: 'tasks',
    method: 'GET',
    summary: 'Tasks of all integrations and users, the newest first',
    params: z
      .strictObject({
        ...taskFilterFields,
        limit: spelledNumber(z.number().int().min(1).max(MAX_LISTED)).default(20),
        after: placeSchema.optional(),
        before: placeSchema.optional(),
      })
      .refine(({ after, before }) => !after || !before, { path: ['before'], message: 'give either after or before' }),
    answer: taskListSchema,
    async callback(_context, { integration, limit = 20, after, before, ...filter }) {
      const page = { limit: limit + 1, after, before }
      const found = await searchTasks(choose(operated(), integration), filter, page)
      const isMore = found.length > limit
      // The one too many tells that there are more: older ones, or newer ones.
      const tasks = before && isMore ? found.slice(1) : found.slice(0, limit)
      const [first, last] = [tasks.at(0), tasks.at(-1)]
      return {
        tasks: tasks.map(({ namespace, ...task }) => ({
          ...showTask(task),
          integration: namespace,
          userId: task.userId,
          statusSince: task.state.statusSince ?? null,
        })),
        next: last && (isMore || before) ? spellPlace(last) : null,
        previous: first && (before ? isMore : after) ? spellPlace(first) : null,
      }
    },
  })
}
