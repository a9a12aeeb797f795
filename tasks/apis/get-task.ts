/** `GET tasks/:taskId`: a task's state, at once or by long poll. */
import { z } from 'zod'
import { type API, type APIContext, createAPI } from '../../lib/api.js'
import { MAX_WAIT_SECONDS } from '../../protocol/limits.js'
import { spelledNumber } from '../../protocol/wire.js'
import { showTask, taskFields } from '../shown-task.js'
import type { TaskView } from '../task-reader.js'
import type { TaskStore } from '../task-store.js'
import { waitingForSchema, whatItWaitsFor } from '../waiting-for.js'
import { taskNotFound } from './carry-out.js'
import {
  isOver,
  type PublicAPIOptions,
  taskIdSchema,
  timelineAfterSchema,
  timelineEntrySchema,
  viewerOf,
} from './task-view.js'

export function createGetTaskAPI({ namespace, store, resultSchema }: PublicAPIOptions): API {
  return createAPI({
    name: 'tasks/:taskId',
    namespace,
    method: 'GET',
    summary: `A ${namespace} task: its status, result, and what has happened to it`,
    params: z.strictObject({
      taskId: taskIdSchema,
      /** How many timeline entries to skip: the previous page's `timelineNext`, or the number of entries seen. */
      timelineAfter: timelineAfterSchema.default(0),
      /** Long poll: how long to wait for an entry after that place, unless the task has ended. */
      waitSeconds: spelledNumber(z.number().min(0).max(MAX_WAIT_SECONDS)).default(0),
    }),
    answer: z.object({
      ...taskFields,
      /** What the task waits for; null if it does not wait, or nobody knows. */
      waitingFor: waitingForSchema.nullable(),
      /** Null until the task is completed. */
      result: resultSchema.nullable(),
      timeline: z.array(timelineEntrySchema),
      /** Send it as `timelineAfter` to get the next page of the timeline; null on the last page. */
      timelineNext: z.number().int().nullable(),
    }),
    async callback(context, { taskId, timelineAfter = 0, waitSeconds = 0 }) {
      const task = await viewOnceMoved(store(), taskId, context, timelineAfter, 1000 * waitSeconds)
      if (!task) throw taskNotFound()
      const { result, timeline, timelineNext } = task
      return { ...showTask(task), waitingFor: await whatItWaitsFor(store(), task), result, timeline, timelineNext }
    },
  })
}

/** Reads a task at once, or waits for an entry of its timeline after a place, or for its end. */
async function viewOnceMoved(
  store: TaskStore,
  taskId: string,
  context: APIContext,
  timelineAfter: number,
  waitMs: number,
): Promise<TaskView | undefined> {
  const { signal, parked = (wait) => wait() } = context
  const view = () => store.view(taskId, viewerOf(context), timelineAfter)
  if (waitMs === 0) return view()
  const until = performance.now() + waitMs
  const watch = store.watches.begin(taskId)
  try {
    for (;;) {
      const task = await view()
      const leftMs = until - performance.now()
      if (!task || task.timeline.length > 0 || isOver(task) || leftMs <= 0 || signal.aborted) return task
      await parked(() => watch.next(timelineAfter, leftMs, signal))
    }
  } finally {
    watch.end()
  }
}
