/** `GET tasks/:taskId/events`: a task's events as they happen (server-sent events), and how it ends. */
import { z } from 'zod'
import { type API, createAPI, eventStreamSchema, type StreamedEvent } from '../../lib/api.js'
import { showTask } from '../shown-task.js'
import type { Viewer } from '../task-reader.js'
import type { TaskStore } from '../task-store.js'
import { taskNotFound } from './carry-out.js'
import { isOver, type PublicAPIOptions, taskIdSchema, timelineAfterSchema, viewerOf } from './task-view.js'

/** The last event: the ended task with its result. No entry of a timeline has this type. */
const ENDED = 'ended'
/** A safety net: no case is known in which a wake-up is missed. */
const LOOK_AGAIN_MS = 60_000

export function createTaskEventsAPI({ namespace, store }: PublicAPIOptions): API {
  return createAPI({
    name: 'tasks/:taskId/events',
    namespace,
    method: 'GET',
    streams: true,
    summary: `What happens to a ${namespace} task: each entry of its timeline, and as the last event, \`${ENDED}\`, the task`,
    params: z.strictObject({
      taskId: taskIdSchema,
      /** The \`id\` of the last event that was seen; a browser says so by itself when it comes back. */
      timelineAfter: timelineAfterSchema.default(0),
    }),
    answer: eventStreamSchema,
    async callback(context, { taskId, timelineAfter = 0 }) {
      const viewer = viewerOf(context)
      if (!(await store().findByKey(taskId, viewer))) throw taskNotFound()
      return follow(store(), taskId, viewer, timelineAfter, context.signal)
    },
  })
}

async function* follow(
  store: TaskStore,
  taskId: string,
  viewer: Viewer,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent> {
  const watch = store.watches.begin(taskId)
  try {
    for (let seen = from; !signal.aborted; ) {
      const task = await store.view(taskId, viewer, seen)
      // Retention has removed it.
      if (!task) return
      for (const entry of task.timeline) yield { event: entry.type, id: String(++seen), data: entry }
      if (task.timelineNext !== null) continue
      if (isOver(task))
        return yield { event: ENDED, id: String(seen), data: { ...showTask(task), result: task.result } }
      await watch.next(seen, LOOK_AGAIN_MS, signal)
    }
  } finally {
    watch.end()
  }
}
