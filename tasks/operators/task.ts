/** `GET operator/tasks/:taskId`: everything that is known of a task. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import type { Charge, TaskState } from '../../protocol/index.js'
import { taskNotFound } from '../apis/carry-out.js'
import { taskIdSchema, timelineAfterSchema, timelineEntrySchema } from '../apis/task-view.js'
import { showTask } from '../shown-task.js'
import { waitingForSchema, whatItWaitsFor } from '../waiting-for.js'
import { attemptSchema, attemptsOf } from './attempts.js'
import { listedTaskSchema } from './list.js'
import { FOR_OPERATORS, type OperatedTasks, type OperatorsOptions } from './operated.js'

/** Times are unix seconds. */
export const operatedTaskSchema = listedTaskSchema.extend({
  /** The row's id, as the internal APIs and logs have it. */
  apiCallId: z.string(),
  requestParams: z.unknown(),
  result: z.unknown(),
  attemptLimit: z.number().int(),
  /** False once a failure is final. */
  retryable: z.boolean(),
  /** The claim that a queued task is under. */
  claim: z
    .object({ since: z.number().nullable(), leaseExpiresAt: z.number().nullable(), takeOver: z.boolean() })
    .nullable(),
  /** When somebody last looked at its run. */
  checkedAt: z.number().nullable(),
  waitingFor: waitingForSchema.nullable(),
  /** What the provider made for it, and may charge for. */
  providerTask: z.object({ id: z.string(), attempt: z.number().int() }).nullable(),
  /** What its attempts cost together, in micro-units; null if nothing was charged yet, or nobody knows. */
  spend: z.object({ currency: z.string(), charged: z.number().int(), ambiguous: z.number().int() }).nullable(),
  /** Whether an operator lets it begin though a budget is used up. */
  letThrough: z.boolean(),
  /** Attempts of which nobody knows whether the provider has begun something. */
  openIntents: z.array(z.number().int()),
  /** One for each attempt that was begun, the first one first. */
  runs: z.array(attemptSchema),
  timeline: z.array(timelineEntrySchema),
  /** Send it as `timelineAfter` to get the next page of the timeline; null on the last page. */
  timelineNext: z.number().int().nullable(),
})

export function createTaskAPI(options: OperatorsOptions): API {
  return createAPI({
    ...FOR_OPERATORS,
    name: 'tasks/:taskId',
    method: 'GET',
    summary: 'Everything that is known of a task: its attempts, its claim, what it waits for',
    params: z.strictObject({ taskId: taskIdSchema, timelineAfter: timelineAfterSchema.default(0) }),
    answer: operatedTaskSchema,
    async callback(_context, { taskId, timelineAfter = 0 }) {
      for (const operated of options.operated()) {
        const task = await show(operated, options, taskId, timelineAfter)
        if (task) return task
      }
      throw taskNotFound()
    },
  })
}

async function show(
  { namespace, store }: OperatedTasks,
  options: OperatorsOptions,
  taskKey: string,
  timelineAfter: number,
) {
  const view = await store.view(taskKey, 'operator', timelineAfter, ['userId', 'requestParams'])
  if (!view) return undefined
  const { id, state, result, timeline, timelineNext } = view
  const { attemptLimit, retryable, startedAt, leaseExpiresAt, checkedAt, providerTask, openIntents, claim } = state
  return {
    ...showTask(view),
    integration: namespace,
    userId: view.userId as string | null,
    statusSince: state.statusSince ?? null,
    apiCallId: id,
    requestParams: view.requestParams,
    result,
    attemptLimit,
    retryable,
    claim: state.status === 'queued' ? { since: startedAt, leaseExpiresAt, takeOver: claim?.takeOver ?? false } : null,
    checkedAt,
    waitingFor: await whatItWaitsFor(store, view),
    providerTask,
    spend: spendOfTask(state),
    letThrough: state.letThrough ?? false,
    openIntents: openIntents.map(({ attempt }) => attempt),
    runs: await attemptsOf(store, namespace, view, options),
    timeline,
    timelineNext,
  }
}

function spendOfTask({ charges = {} }: TaskState): z.infer<typeof operatedTaskSchema>['spend'] {
  const all = Object.values(charges)
  const sum = (some: Charge[]) => some.reduce((total, { amount }) => total + amount, 0)
  const currency = all.at(-1)?.currency
  if (currency === undefined) return null
  const own = all.filter((charge) => charge.currency === currency)
  return {
    currency,
    charged: sum(own.filter(({ basis }) => basis !== 'ambiguous')),
    ambiguous: sum(own.filter(({ basis }) => basis === 'ambiguous')),
  }
}
