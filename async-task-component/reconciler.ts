/**
 * Checks the runs in flight: asks main which have not been checked for a while, asks Temporal about each, and reports
 * to main. So a task ends even if its workflow was terminated or could not report its outcome; and a cancelled task's
 * run is cancelled, and checked until it is seen closed.
 */
import { WorkflowNotFoundError } from '@temporalio/client'
import pLimit from 'p-limit'
import type { PullModeConfig } from '../integrations/index.js'
import { pause } from '../lib/abort.js'
import { BY_A_FIFTH, jittered } from '../lib/backoff.js'
import { observation } from '../lib/observation.js'
import { inTrace } from '../lib/tracing.js'
import { attemptWorkflowId } from '../protocol/names.js'
import type { RunToCheck } from '../protocol/wire.js'
import type { BoundedTemporal } from './bounded-temporal.js'
import { describeError } from './errors.js'
import type { Logger } from './logger.js'
import { patiently } from './patiently.js'
import { lostRun, type RunInspector, type RunVerdict, type RunView } from './run-inspector.js'
import type { TaskReports } from './task-reports.js'
import type { StopSignals } from './types.js'

export interface ReconcilerOptions extends StopSignals {
  namespace: string
  config: Pick<PullModeConfig, 'buildWorkflowId'>
  /** Asks main for the runs that were not checked for a while, longest unchecked first. */
  fetchRuns(limit: number, signal: AbortSignal): Promise<RunToCheck[]>
  reports: Pick<TaskReports, 'report'>
  inspector: Pick<RunInspector, 'inspect'>
  temporal: BoundedTemporal
  /** Pause between rounds, in milliseconds. */
  intervalMs: number
  /** Called on each sign of progress. */
  alive(): void
  logger: Logger
}

/** The work of one round. */
const RUNS_A_ROUND = 20
const CONCURRENCY = 4

type Finding = RunVerdict | { status: 'running' } | { status: 'closed' }

/** What Temporal said of a run; and a round is over. */
export const runChecked = observation<{ namespace: string; finding: Finding['status'] | 'unknown' }>('run-checked')
export const roundEnded = observation<{ namespace: string }>('round-ended')

export class Reconciler {
  #running: Promise<void> | null = null

  constructor(private readonly options: ReconcilerOptions) {}

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves once the loop is over; the `stopping` signal ends it. */
  async stopped(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { stopping, intervalMs, alive, logger } = this.options
    while (!stopping.aborted) {
      await patiently(alive, pause(jittered(intervalMs, BY_A_FIFTH), stopping))
      let more = true
      while (more && !stopping.aborted) {
        more = await this.#round().catch((error: unknown) => {
          if (!stopping.aborted) logger.warn(`runs not checked: ${describeError(error)}`)
          return false
        })
      }
    }
  }

  /** @returns whether there may be more that can be settled now */
  async #round(): Promise<boolean> {
    const { fetchRuns, stopping, alive } = this.options
    alive()
    const runs = await fetchRuns(RUNS_A_ROUND, stopping)
    const takeTurn = pLimit(CONCURRENCY)
    const told = await Promise.all(runs.map((run) => takeTurn(() => inTrace(run.traceparent, () => this.#check(run)))))
    roundEnded.tell({ namespace: this.options.namespace })
    return runs.length === RUNS_A_ROUND && told.every(Boolean)
  }

  /** @returns whether main was told something about the run */
  async #check(run: RunToCheck): Promise<boolean> {
    const { namespace, config, reports, stopping, alive } = this.options
    alive()
    if (stopping.aborted) return false
    const { apiCallId, taskKey, attempt, fencingToken } = run
    const logger = this.options.logger.child({ apiCallId, taskKey, attempt })
    const tell = (finding: Finding) => {
      alive()
      return reports.report({ apiCallId, taskKey, attempt, fencingToken, ...finding }, logger)
    }
    // Checked in vain: without a note it would stay the longest unchecked, and hold up all others.
    const noteLook = () => tell({ status: 'running' })
    try {
      const workflowId = attemptWorkflowId(namespace, config.buildWorkflowId({ id: apiCallId }), taskKey, attempt)
      const finding = await this.#find(run, workflowId, logger)
      runChecked.tell({ namespace, finding: finding?.status ?? 'unknown' })
      return finding !== null && ((await tell(finding)) || (await noteLook()))
    } catch (error) {
      logger.error({ err: error }, 'a run could not be checked')
      return noteLook()
    }
  }

  async #find(run: RunToCheck, workflowId: string, logger: Logger): Promise<Finding | null> {
    const view = await this.options.inspector.inspect(workflowId, run.runId, this.options.expired)
    if (view.state === 'unknown') {
      logger.warn({ workflowId }, `the state of the run is unknown: ${describeError(view.cause)}`)
      return null
    }
    return run.status === 'cancelled' ? this.#ofCancelled(view, workflowId, logger) : ofProcessing(view, run, logger)
  }

  async #ofCancelled(view: RunView, workflowId: string, logger: Logger): Promise<Finding> {
    if (view.state !== 'running') return { status: 'closed' }
    logger.info({ workflowId }, 'cancelling the run of a cancelled task')
    const { temporal, expired } = this.options
    try {
      await temporal.call(expired, (client) => client.workflow.getHandle(workflowId).cancel())
    } catch (error) {
      // It may have closed meanwhile; after any other error, the next check tries again.
      if (error instanceof WorkflowNotFoundError) return { status: 'closed' }
      logger.warn({ workflowId }, `run not cancelled: ${describeError(error)}`)
    }
    return { status: 'running' }
  }
}

function ofProcessing(view: Exclude<RunView, { state: 'unknown' }>, run: RunToCheck, logger: Logger): Finding {
  if (view.state === 'running') return { status: 'running' }
  const verdict = view.state === 'closed' ? view.verdict : lostRun(run.runId)
  logger.warn({ outcome: verdict.status }, 'main did not know that a run had ended: delivering its outcome')
  return verdict
}
