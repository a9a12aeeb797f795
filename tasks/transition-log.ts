/** Logs a line for each transition of a task, and on `debug` one for each event that changes no status. */
import type { Logger } from 'pino'
import { startsStatus, type TaskEvent, type TaskState } from '../protocol/index.js'

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
}

/** Call it once the transaction of the steps has been committed. */
export function logSteps(logger: TaskLogger, task: LoggedTask, steps: readonly StoredStep[]): void {
  const { createdAt, ...ids } = task
  for (const { event, before, after, at } of steps) {
    const line = { ...ids, attempt: event.attempt, event: event.type }
    if (!startsStatus(before.status, after.status, event.type)) {
      logger.debug({ ...line, code: event.type === 'waiting' ? event.waitingFor.code : undefined }, 'task event')
      continue
    }
    const since = before.statusSince ?? (before.status === 'pending' ? createdAt : undefined)
    const durationMs = since === undefined ? undefined : Math.max(0, Math.round((at - since) * 1000))
    const code = event.type === 'failed' ? event.error.code : undefined
    logger.info({ ...line, from: before.status, to: after.status, durationMs, code }, 'task moved')
  }
}
