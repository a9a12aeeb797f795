/** `GET tasks/:taskId`: how a task is, now or as soon as there is news of it. */
import { z } from 'zod'
import { type API, type APIContext, createAPI } from '../../lib/api.js'
import { MAX_WAIT_SECONDS } from '../../protocol/limits.js'
import { spelledNumber } from '../../protocol/wire.js'
import type { TaskView } from '../task-reader.js'
import type { TaskStore } from '../task-store.js'
import { waitingForSchema, whatItWaitsFor } from '../waiting-for.js'
import { taskNotFound } from './carry-out.js'
import {
  isOver,
  type PublicAPIOptions,
  showTask,
  taskFields,
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
      /** How many entries of the timeline to leave out: the `timelineNext` of the page before, or as many as were seen. */
      timelineAfter: timelineAfterSchema.default(0),
      /** How long to wait for an entry after that place, while there is none and the task has not ended. */
      waitSeconds: spelledNumber(z.number().min(0).max(MAX_WAIT_SECONDS)).default(0),
    }),
    answer: z.object({
      ...taskFields,
      /** Why nothing goes on for now; null where something does, or nobody knows. */
      waitingFor: waitingForSchema.nullable(),
      /** Null until the task is completed. */
      result: resultSchema.nullable(),
      timeline: z.array(timelineEntrySchema),
      /** Asked for as `timelineAfter`, it gives the next page of the timeline; null where this is the last one. */
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

/** Reads a task, at once or as soon as there is news of it: an entry of its timeline after a place, or its end. */
async function viewOnceMoved(
  store: TaskStore,
  taskId: string,
  context: APIContext,
  timelineAfter: number,
  waitMs: number,
): Promise<TaskView | undefined> {
  const { signal, parked = (wait) => wait() } = context
  const until = performance.now() + waitMs
  const watch = store.watches.begin(taskId)
  try {
    for (;;) {
      const task = await store.view(taskId, viewerOf(context), timelineAfter)
      const leftMs = until - performance.now()
      if (!task || task.timeline.length > 0 || isOver(task) || leftMs <= 0 || signal.aborted) return task
      await parked(() => watch.next(timelineAfter, leftMs, signal))
    }
  } finally {
    watch.end()
  }
}
