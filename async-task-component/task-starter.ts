/** Starts the workflow of a claimed task, or settles the task by what turns out to be true of it. */
import type { PullModeConfig } from '../integrations/index.js'
import { pause } from '../lib/abort.js'
import { type Backoff, BY_A_FIFTH, backoff } from '../lib/backoff.js'
import { observation } from '../lib/observation.js'
import { SpanKind, spanned } from '../lib/tracing.js'
import type { AttemptInput } from '../protocol/attempt.js'
import { MAX_ERROR_MESSAGE_LENGTH } from '../protocol/limits.js'
import type { ClaimAnswer, TaskError } from '../protocol/messages.js'
import { attemptAttributes } from '../protocol/names.js'
import type { PendingTask } from '../protocol/wire.js'
import { attemptInputOf, startAttempt, workflowIdOf } from './attempt-start.js'
import type { BoundedTemporal } from './bounded-temporal.js'
import { describeError, UnstartableTaskError } from './errors.js'
import type { Logger } from './logger.js'
import { lostRun, type RunInspector, type RunVerdict, type RunView } from './run-inspector.js'
import type { RunLabels } from './run-labels.js'
import type { TaskReports } from './task-reports.js'
import type { StopSignals, TaskResult } from './types.js'

export interface TaskStarterOptions extends StopSignals {
  namespace: string
  config: PullModeConfig
  reports: Pick<TaskReports, 'report'>
  inspector: Pick<RunInspector, 'inspect'>
  temporal: BoundedTemporal
  /** What Temporal shows runs as. Default: no more than their ids. */
  labels?: Pick<RunLabels, 'of' | 'forgetAttributes'>
}

/** Pause between lookups of a workflow while Temporal does not answer. */
const LOOK_AGAIN_MS: Backoff = { first: 200, max: 5000, jitter: BY_A_FIFTH }
/** If a lookup after an ambiguous start finds nothing, another start is allowed; the id keeps them from being two. */
const MAX_STARTS = 3

/** One claimed task being started. */
interface Subject {
  task: PendingTask
  claim: ClaimAnswer
  workflowId: string
  logger: Logger
}

type Did = TaskResult['did']

/** What became of a claim. */
export const startEnded = observation<{ namespace: string; did: Did; seconds: number }>('start-ended')

export class TaskStarter {
  constructor(private readonly options: TaskStarterOptions) {}

  /** Never throws: whoever takes the claim over resolves what is unknown. */
  async run(task: PendingTask, claim: ClaimAnswer, logger: Logger): Promise<TaskResult> {
    const claimedAt = performance.now()
    const { namespace } = this.options
    const attributes = attemptAttributes(namespace, task.taskKey, claim.attempt)
    const details = { kind: SpanKind.PRODUCER, parent: claim.traceparent, attributes }
    const did = await spanned(`start ${namespace}`, details, async (span) => {
      const became = await this.#bringToWorkflow(task, claim, logger).catch((error: unknown): Did => {
        logger.error({ err: error }, 'a claimed task was left: its lease will expire')
        return 'left'
      })
      span.setAttribute('asynctask.result', became)
      return became
    })
    startEnded.tell({ namespace, did, seconds: (performance.now() - claimedAt) / 1000 })
    return { apiCallId: task.id, attempt: claim.attempt, did }
  }

  async #bringToWorkflow(task: PendingTask, claim: ClaimAnswer, logger: Logger): Promise<Did> {
    const { namespace, config } = this.options
    const mayHaveRun = claim.takeOver || claim.runId !== undefined
    const subject: Subject = { task, claim, workflowId: '', logger }
    let input: AttemptInput
    try {
      subject.workflowId = workflowIdOf(namespace, config, task, claim.attempt)
      subject.logger = logger.child({ workflowId: subject.workflowId })
      if (mayHaveRun) {
        const settled = await this.#settle(subject, await this.#inspect(subject))
        if (settled) return settled
      }
      input = attemptInputOf(config, task, claim.attempt)
    } catch (error) {
      if (!(error instanceof UnstartableTaskError)) throw error
      // Without the id nobody can tell whether a run is alive, so the attempt must not be reported as failed.
      if (mayHaveRun && error.code === 'unbuildable_workflow_id') throw error
      return this.#fail(subject, { code: error.code, message: error.message }, false)
    }
    return this.#start(subject, input)
  }

  async #start(subject: Subject, input: AttemptInput): Promise<Did> {
    const { stopping, expired } = this.options
    const { workflowId, logger } = subject
    for (let starts = 0; starts < MAX_STARTS && !stopping.aborted; starts += 1) {
      const result = await startAttempt({ ...this.options, workflowId, input, signal: expired })
      switch (result.kind) {
        case 'started':
          logger.info({ runId: result.runId }, 'workflow started')
          return 'started'
        case 'rejected':
          return this.#fail(subject, result.error, false)
        case 'not-started':
          logger.warn(`workflow not started: ${describeError(result.cause)}`)
          return this.#release(subject)
        case 'ambiguous':
          logger.warn(`workflow start not answered, looking it up: ${describeError(result.cause)}`)
      }
      const settled = await this.#settle(subject, await this.#inspectUntilKnown(subject))
      if (settled) return settled
    }
    return this.#release(subject)
  }

  #inspect({ workflowId, claim }: Subject): Promise<RunView> {
    return this.options.inspector.inspect(workflowId, claim.runId, this.options.expired)
  }

  async #inspectUntilKnown(subject: Subject): Promise<RunView> {
    const { stopping } = this.options
    for (let failures = 0; ; ) {
      const view = await this.#inspect(subject)
      if (view.state !== 'unknown' || stopping.aborted) return view
      failures += 1
      await pause(backoff(LOOK_AGAIN_MS, failures), stopping)
    }
  }

  /** Reports the run's verdict to main; null if there is no run, so that it may be started. */
  async #settle(subject: Subject, view: RunView): Promise<Did | null> {
    const { logger, claim } = subject
    switch (view.state) {
      case 'running':
        logger.info('workflow is running already')
        await this.#report(subject, { status: 'running' })
        return 'running'
      case 'closed':
        logger.info({ outcome: view.verdict.status }, 'workflow had ended: delivering its outcome')
        return (await this.#report(subject, view.verdict)) ? 'settled' : 'left'
      case 'none':
        if (claim.runId === undefined) return null
        logger.error({ runId: claim.runId }, 'the run of this attempt is lost')
        return (await this.#report(subject, lostRun(claim.runId))) ? 'failed' : 'left'
      case 'unknown':
        logger.warn(`the state of the run is unknown, leaving the task: ${describeError(view.cause)}`)
        return 'left'
    }
  }

  async #fail(subject: Subject, error: TaskError, retryable: boolean): Promise<Did> {
    subject.logger.error({ code: error.code, retryable }, `attempt failed: ${error.message}`)
    const shortened = { code: error.code, message: error.message.slice(0, MAX_ERROR_MESSAGE_LENGTH) }
    return (await this.#report(subject, { status: 'failed', error: shortened, retryable })) ? 'failed' : 'left'
  }

  async #release(subject: Subject): Promise<Did> {
    return (await this.#report(subject, { status: 'released' })) ? 'released' : 'left'
  }

  #report(subject: Subject, report: RunVerdict | { status: 'running' | 'released' }): Promise<boolean> {
    const { id: apiCallId, taskKey } = subject.task
    const { attempt, fencingToken } = subject.claim
    const fenced = { apiCallId, taskKey, attempt, fencingToken, ...report }
    return this.options.reports.report(fenced, subject.logger)
  }
}
