/** The processor's reports to main about its tasks, retried if the answer was lost. */

import { randomUUID } from 'node:crypto'
import { pause } from '../lib/abort.js'
import { type Backoff, BY_A_FIFTH, backoff } from '../lib/backoff.js'
import { MAX_ERROR_MESSAGE_LENGTH } from '../protocol/limits.js'
import type { ClaimAnswer } from '../protocol/messages.js'
import type { PendingTask, ReportAnswer } from '../protocol/wire.js'
import { describeError, MainUnavailableError, ReportRefusedError } from './errors.js'
import type { Logger } from './logger.js'
import type { MainClient, TaskReport } from './main-client.js'
import type { StopSignals } from './types.js'

export type ClaimResult =
  | { kind: 'claimed'; claim: ClaimAnswer }
  | { kind: 'refused' }
  /** Claims of this task ended without a run too often: it may only be claimed with nothing else in flight. */
  | { kind: 'alone-only' }

export interface TaskReportsOptions extends StopSignals {
  main: MainClient
  /** The integration's report API. */
  url: string
}

const RETRY_MS: Backoff = { first: 200, max: 5000, jitter: BY_A_FIFTH }
/** About 20 s. A task for which main keeps failing must not keep its slot: its lease will expire. */
const MAX_TRIES = 8

export class TaskReports {
  constructor(private readonly options: TaskReportsOptions) {}

  /**
   * Claims the task, with our own token: if the answer is lost, the same claim is retried. If a stop comes in between,
   * the claim is released, whether main has it or not.
   */
  async claim(task: PendingTask, { alone }: { alone: boolean }, logger: Logger): Promise<ClaimResult> {
    const { main, url, stopping, expired } = this.options
    const fencingToken = randomUUID()
    const { id: apiCallId, taskKey } = task
    const report = { apiCallId, taskKey, status: 'queued', fencingToken, ...(alone && { alone }) } as const
    for (let failures = 0; failures < MAX_TRIES && !stopping.aborted; ) {
      try {
        return { kind: 'claimed', claim: claimOf(await main.report(url, report, expired), fencingToken) }
      } catch (error) {
        if (error instanceof ReportRefusedError) {
          logger.debug({ reason: error.reason, status: error.taskStatus }, `claim refused: ${error.message}`)
          return error.reason === 'claim_alone' ? { kind: 'alone-only' } : { kind: 'refused' }
        }
        failures += 1
        logger.warn({ failures }, `claim not answered, asking again: ${describeError(error)}`)
        await pause(backoff(RETRY_MS, failures), stopping)
        if (stopping.aborted) {
          const attempt = task.attempts + 1
          await this.report({ apiCallId, taskKey, status: 'released', attempt, fencingToken }, logger)
        }
      }
    }
    return { kind: 'refused' }
  }

  /**
   * Reports until main accepts it or refuses it for good; if main cannot accept an outcome, the attempt is reported as
   * failed. When stopping, each report gets one last try.
   * @returns whether main has it; if not, the row has changed or its lease will expire, and the run is checked again
   */
  async report(report: TaskReport, logger: Logger): Promise<boolean> {
    const { main, url, stopping, expired } = this.options
    for (let failures = 0; ; ) {
      const lastTry = stopping.aborted || failures === MAX_TRIES - 1
      try {
        await main.report(url, report, expired)
        return true
      } catch (error) {
        if (error instanceof ReportRefusedError) {
          logger.info({ reason: error.reason, status: error.taskStatus }, `${report.status} refused: ${error.message}`)
          const instead = failureInstead(report, error)
          return instead ? this.report(instead, logger) : false
        }
        failures += 1
        logger.warn({ failures, lastTry }, `${report.status} not reported: ${describeError(error)}`)
        if (lastTry) return false
        await pause(backoff(RETRY_MS, failures), stopping)
      }
    }
  }
}

const REJECTED = 'result_rejected'

/** Main cannot accept this outcome, and would not accept it later either. */
function failureInstead(report: TaskReport, { httpStatus, message }: ReportRefusedError): TaskReport | null {
  if (httpStatus !== 400 && httpStatus !== 413) return null
  if (report.status !== 'completed' && report.status !== 'failed') return null
  if (report.status === 'failed' && report.error.code === REJECTED) return null
  const { apiCallId, taskKey, attempt, fencingToken } = report
  const error = { code: REJECTED, message: message.slice(0, MAX_ERROR_MESSAGE_LENGTH) }
  const seenRunId = report.status === 'failed' ? report.seenRunId : undefined
  return {
    apiCallId,
    taskKey,
    attempt,
    fencingToken,
    status: 'failed',
    error,
    retryable: false,
    ...(seenRunId !== undefined && { seenRunId }),
  }
}

function claimOf(answer: ReportAnswer, fencingToken: string): ClaimAnswer {
  const { attempt, leaseSeconds = 0, takeOver = false, runId, traceparent } = answer
  if (attempt === undefined || answer.fencingToken !== fencingToken) {
    throw new MainUnavailableError('Main took the claim but did not answer with its attempt and our token')
  }
  return {
    attempt,
    fencingToken,
    leaseSeconds,
    takeOver,
    ...(runId !== undefined && { runId }),
    ...(traceparent !== undefined && { traceparent }),
  }
}
