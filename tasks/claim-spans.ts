/**
 * The spans of claims. A claim's span id follows from the task and the time of the claim, both on its row: so the run
 * can continue from the span, and the next claim link to it, without anything being stored for that.
 */
import { createHash } from 'node:crypto'
import {
  activeTraceparent,
  chosenIds,
  pastSpan,
  spanEvent,
  startWithId,
  traceIdOf,
  withSpanId,
} from '../lib/tracing.js'
import { startsStatus, type TaskState } from '../protocol/index.js'
import { attemptAttributes } from '../protocol/names.js'
import type { LockedTask } from './task-reader.js'
import { type LoggedTask, type StoredStep, taskStepped } from './transition-log.js'

type Traced = Pick<LockedTask, 'taskKey' | 'traceparent'>

/** A clock that is wrong must not make a claim look long. */
const LONGEST_CLAIM_MS = 60_000

/** For the answer to a claim: what its run continues. */
export function traceOfClaim({ taskKey, traceparent }: Traced, state: TaskState): { traceparent?: string } {
  if (traceparent === null) return {}
  const { startedAt } = state
  const isNamed = chosenIds.possible && startedAt !== null
  return { traceparent: isNamed ? withSpanId(traceparent, claimSpanId(taskKey, startedAt)) : traceparent }
}

/** Makes spans of what happens to tasks. What their own requests did is a moment of these requests' spans. */
export function traceTasks(): () => void {
  return taskStepped.listen(({ task, steps }) => {
    for (const step of steps) {
      const { before, after, event } = step
      if (event.type === 'queued') claimed(task, step)
      else if (startsStatus(before.status, after.status, event.type)) moved(task, step)
    }
  })
}

function claimed(task: LoggedTask, { before, after, event, at }: StoredStep): void {
  const { taskKey, traceparent } = task
  if (traceparent === null || after.startedAt === null) return
  const earlier = before.startedAt
  const links = earlier === null ? [] : [withSpanId(traceparent, claimSpanId(taskKey, earlier))]
  const startMs = Math.min(Math.max(at * 1000, Date.now() - LONGEST_CLAIM_MS), Date.now())
  const named = attemptAttributes(task.namespace, taskKey, event.attempt)
  const attributes = { ...named, 'asynctask.take_over': after.claim?.takeOver ?? false }
  startWithId(claimSpanId(taskKey, after.startedAt), () =>
    pastSpan(`claim ${task.namespace}`, { parent: traceparent, attributes, links, startMs }),
  )
}

function moved(task: LoggedTask, { before, after, event }: StoredStep): void {
  const { traceparent } = task
  if (traceparent === null) return
  const code = event.type === 'failed' ? { 'error.type': event.error.code } : {}
  const attributes = { 'asynctask.from': before.status, 'asynctask.to': after.status, ...code }
  const active = activeTraceparent()
  if (traceIdOf(active) === traceIdOf(traceparent)) {
    spanEvent('task moved', attributes)
    return
  }
  // Asked for from elsewhere: by an operator, or by whoever found a run ended.
  const links = active === undefined ? [] : [active]
  const all = { ...attemptAttributes(task.namespace, task.taskKey, event.attempt), ...attributes }
  pastSpan(`${event.type} ${task.namespace}`, { parent: traceparent, attributes: all, links })
}

/** At no two times is a task claimed at once. */
function claimSpanId(taskKey: string, startedAt: number): string {
  return createHash('sha256').update(`${taskKey}:${startedAt}`).digest('hex').slice(0, 16)
}
