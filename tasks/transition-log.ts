/** Tells of each step of a task: by a log line, on `debug` where its status stays, and to those who count. */
import type { Logger } from 'pino'
import { observation } from '../lib/observation.js'
import { traceIdOf } from '../lib/tracing.js'
import { startsStatus, type TaskEvent, type TaskState } from '../protocol/index.js'
import type { LockedTask } from './task-reader.js'

export type TaskLogger = Pick<Logger, 'info' | 'debug'>

/** A stored event, or a noted check, with the row before and after it. */
export interface StoredStep {
  event: TaskEvent
  before: TaskState
  after: TaskState
  /** The database's time, unix seconds. */
  at: number
}

export interface LoggedTask {
  namespace: string
  apiCallId: string
  taskKey: string
  createdAt: number
  /** The trace that it was created in; null for none. */
  traceparent: string | null
}

type LoggedRow = Pick<LockedTask, 'id' | 'taskKey' | 'createdAt' | 'traceparent'>

/** The steps of one task. */
export const taskStepped = observation<{ task: LoggedTask; steps: readonly StoredStep[] }>('task-stepped')

/** Call it once the transaction of the steps has been committed. */
export function tellSteps(
  logger: TaskLogger | undefined,
  namespace: string,
  { id, taskKey, createdAt, traceparent }: LoggedRow,
  steps: readonly StoredStep[],
): void {
  const task = { namespace, apiCallId: id, taskKey, createdAt, traceparent }
  if (steps.length > 0) taskStepped.tell({ task, steps })
  if (logger) logSteps(logger, task, steps)
}

/** A task is there: its first line. */
export function logCreated(
  logger: TaskLogger | undefined,
  namespace: string,
  { id, taskKey, traceparent }: Omit<LoggedRow, 'createdAt'>,
): void {
  const traceId = traceIdOf(traceparent)
  const traced = traceId !== undefined && { traceId }
  logger?.info({ namespace, apiCallId: id, taskKey, ...traced, to: 'pending' }, 'task created')
}

function logSteps(
  logger: TaskLogger,
  { createdAt, traceparent, ...ids }: LoggedTask,
  steps: readonly StoredStep[],
): void {
  const traceId = traceIdOf(traceparent)
  for (const { event, before, after, at } of steps) {
    const line = { ...ids, attempt: event.attempt, event: event.type, ...(traceId !== undefined && { traceId }) }
    if (!startsStatus(before.status, after.status, event.type)) {
      logger.debug({ ...line, code: event.type === 'waiting' ? event.waitingFor.code : undefined }, 'task event')
      continue
    }
    const seconds = secondsInStatus(before, at, createdAt)
    const durationMs = seconds === undefined ? undefined : Math.round(seconds * 1000)
    const code = event.type === 'failed' ? event.error.code : undefined
    logger.info({ ...line, from: before.status, to: after.status, durationMs, code }, 'task moved')
  }
}

/** How long a task was in the status that it leaves; undefined if an earlier version did not note it. */
export function secondsInStatus(before: TaskState, at: number, createdAt: number): number | undefined {
  const since = before.statusSince ?? (before.status === 'pending' ? createdAt : undefined)
  return since === undefined ? undefined : Math.max(0, at - since)
}
