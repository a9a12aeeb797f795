/** What Temporal knows of the workflows that a bench has started. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'

/** Of main's test tasks. */
export const OF_MAIN = "TaskQueue = 'integration-test-async-task-queue'"
const LOOK_EVERY_MS = 100
const LIMIT_MS = 180_000

/** Resolves once so many are found; gives how many. */
export async function untilFound(temporal: Client, count: number, query = OF_MAIN): Promise<number> {
  const deadline = Date.now() + LIMIT_MS
  for (;;) {
    const { count: found } = await temporal.workflow.count(query)
    if (found >= count) return found
    if (Date.now() > deadline) throw new Error(`Only ${found} of ${count} workflows were found in time: ${query}`)
    await delay(LOOK_EVERY_MS)
  }
}

/** When each was started, in Unix milliseconds, by its task. */
export async function startTimes(temporal: Client, query = OF_MAIN): Promise<Map<string, number>> {
  const starts = new Map<string, number>()
  for await (const { workflowId, startTime } of temporal.workflow.list({ query })) {
    starts.set(workflowId.split(':')[2] ?? workflowId, startTime.getTime())
  }
  return starts
}

/** How many were completed in a second, from the first start to the last end. */
export async function completedPerSecond(temporal: Client, query: string): Promise<number> {
  let [count, first, last] = [0, Number.POSITIVE_INFINITY, 0]
  for await (const { startTime, closeTime } of temporal.workflow.list({ query })) {
    count += 1
    first = Math.min(first, startTime.getTime())
    last = Math.max(last, closeTime?.getTime() ?? 0)
  }
  return (1000 * count) / (last - first)
}
