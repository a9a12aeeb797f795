import type { Task } from './answers.js'

/** A task with all pages of its timeline, or with so many of them. */
export async function wholeTask(
  read: (timelineAfter?: number) => Promise<Task>,
  mostPages = Number.POSITIVE_INFINITY,
): Promise<Task> {
  const task = await read()
  for (let page = 1; task.timelineNext !== null && page < mostPages; page += 1) {
    const { timeline, timelineNext } = await read(task.timelineNext)
    task.timeline.push(...timeline)
    task.timelineNext = timelineNext
  }
  return task
}
