/**
 * `POST operator/retryMany` and `cancelMany`: one act on all tasks that a filter finds. The caller asks batch by batch,
 * and so sees how far it is, and can stop. Each task's act goes through the protocol, and is recorded, as one alone is.
 */
import { z } from 'zod'
import { type API, type APIContext, APIError, createAPI } from '../../lib/api.js'
import { MAX_LISTED } from '../../protocol/limits.js'
import { cancelTaskSchema, type OperatorRequest, retryTaskSchema } from '../../protocol/messages.js'
import { CREATE_ANSWER_LOST } from '../../protocol/names.js'
import { actOnTask } from '../apis/cancel-and-retry.js'
import { choose, FOR_OPERATORS, type OperatedTasks, type OperatorsOptions } from './operated.js'
import { type Place, placeSchema, spellPlace } from './place.js'
import { countTasks, searchTasks, type TaskFilter, taskFilterFields } from './search.js'

/** What may still be cancelled; a failed task, while it may be retried. */
const CANCELLABLE = ['pending', 'queued', 'processing', 'failed'] as const

const batchFields = {
  /** Counts the tasks, and changes none. */
  dryRun: z.boolean().default(false),
  limit: z.number().int().min(1).max(MAX_LISTED).default(MAX_LISTED),
  /** The previous batch's `next`. */
  after: placeSchema.optional(),
}

export const manyAnswerSchema = z.object({
  /** Of a dry run: how many tasks the filter finds; 100,000 means as many or more. */
  found: z.number().int().optional(),
  /** Of a dry run of retryMany: those whose answer was lost, so that a retry may be charged twice. */
  mayPayTwice: z.number().int().optional(),
  /** Tasks of this batch that were changed. */
  done: z.number().int(),
  /** Those that were not, by reason, in words. */
  refused: z.record(z.string(), z.number().int()),
  /** Send it as `after` for the next batch; null after the last one. */
  next: z.string().nullable(),
})

interface Batch {
  filter: TaskFilter & { integration?: string | undefined }
  dryRun?: boolean
  limit?: number
  after?: Place | undefined
}

export function createManyAPIs({ operated }: OperatorsOptions): API[] {
  const { status: _status, ...filterFields } = taskFilterFields
  const common = { ...FOR_OPERATORS, answer: manyAnswerSchema }
  return [
    createAPI({
      ...common,
      name: 'retryMany',
      summary: 'Allow each failed task that a filter finds more attempts, batch by batch; or count them',
      params: z.strictObject({
        ...retryTaskSchema.omit({ apiCallId: true }).shape,
        ...batchFields,
        filter: notEmpty(z.strictObject(filterFields)),
      }),
      callback(context, { by, reason, extraAttempts = 1, filter, ...batch }) {
        const request = { status: 'retry', by, reason, extraAttempts } as const
        const ofFailed = { ...batch, filter: { ...filter, status: 'failed' } } as const
        return actOnMany(operated(), context, 'retryMany', request, ofFailed)
      },
    }),
    createAPI({
      ...common,
      name: 'cancelMany',
      summary: 'Cancel each task that a filter finds and that is not over, batch by batch; or count them',
      params: z.strictObject({
        ...cancelTaskSchema.omit({ apiCallId: true }).shape,
        ...batchFields,
        filter: notEmpty(z.strictObject({ ...filterFields, status: z.enum(CANCELLABLE).optional() })),
      }),
      callback(context, { by, reason, filter, ...batch }) {
        const request = { status: 'cancelled', by, reason } as const
        const ofOpen = { ...batch, filter: { statuses: CANCELLABLE, ...filter } }
        return actOnMany(operated(), context, 'cancelMany', request, ofOpen)
      },
    }),
  ]
}

async function actOnMany(
  operated: OperatedTasks[],
  context: APIContext,
  act: string,
  request: OperatorRequest,
  { filter: { integration, ...filter }, dryRun, limit = MAX_LISTED, after }: Batch,
): Promise<z.infer<typeof manyAnswerSchema>> {
  const chosen = choose(operated, integration)
  if (dryRun) {
    const { code = CREATE_ANSWER_LOST } = filter
    let [found, lost] = [0, 0]
    for (const tasks of chosen) {
      found += await countTasks(tasks, filter)
      if (code === CREATE_ANSWER_LOST) lost += await countTasks(tasks, { ...filter, code })
    }
    return { found, ...(request.status === 'retry' && { mayPayTwice: lost }), done: 0, refused: {}, next: null }
  }
  const tasks = await searchTasks(chosen, filter, { limit, after })
  const refused: Record<string, number> = {}
  let done = 0
  let last: Place | undefined
  for (const task of tasks) {
    if (context.signal.aborted) break
    const options = chosen.find(({ namespace }) => namespace === task.namespace)
    if (!options) continue
    const refusal = await refusalOf(
      actOnTask({ ...options, store: () => options.store }, context, act, task.id, request),
    )
    if (refusal === undefined) done += 1
    else refused[refusal] = (refused[refusal] ?? 0) + 1
    last = task
  }
  const isLast = tasks.length < limit && last === tasks.at(-1)
  return { done, refused, next: isLast || !last ? null : spellPlace(last) }
}

/** Why an act was refused; undefined if it was not. */
async function refusalOf(acting: Promise<unknown>): Promise<string | undefined> {
  try {
    await acting
    return undefined
  } catch (error) {
    if (!(error instanceof APIError)) throw error
    return error.body.error
  }
}

/** What finds all tasks is seldom meant. */
function notEmpty<Filter extends z.ZodType<object>>(filter: Filter) {
  const message = 'needs at least one field: without any it would mean all tasks'
  return filter.refine((given) => Object.keys(given as object).length > 0, { message })
}
