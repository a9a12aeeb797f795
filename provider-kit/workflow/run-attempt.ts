import { CancellationScope, ContinueAsNew, patched, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome, Unsuccessful } from '../../protocol/attempt.js'
import { DAY_SECONDS } from '../../protocol/limits.js'
import type {
  Begun,
  Failure,
  ProviderTask,
  Resumed,
  TaskError,
  Units,
  Usage,
  Waiting,
} from '../../protocol/messages.js'
import type { TaskActivities } from '../main-reports.js'
import { describeFailure, endAsFailed, isRefusedByMain, refusedByMain, usageIn } from './failures.js'

// Retried for ever: the report is delivered once main is back, however long that takes.
const main = proxyActivities<TaskActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
})

// Only for people: the run does not wait long for main to store it.
const news = proxyActivities<TaskActivities>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '10 seconds',
  retry: { initialInterval: '1 second' },
})

/** The attempt under way, as its work sees it. */
export interface AttemptRun {
  /** What earlier attempts left at the provider. */
  begun: Begun
  /**
   * Tells main that the provider is being asked; or that it has accepted the named task, which settles the task's
   * create intents. If main refuses, it throws and the run ends as refused.
   */
  reportProcessing(providerTask?: ProviderTask): Promise<void>
  /** Reports why the run cannot continue for now, once for each reason. Never throws. */
  reportWaiting(reason: TaskError, nextTrySeconds: number): Promise<void>
  /** Reports that the run continues, if it has reported that it waits. Never throws. */
  reportResumed(): Promise<void>
  /** Notes what the create of an attempt, this or an earlier one, is charged for; it is reported with the outcome. */
  noteUsage(ofAttempt: number, units: Units): void
}

/** The part of it that reports what the run waits for. */
export type TellsOfWaiting = Pick<AttemptRun, 'reportWaiting' | 'reportResumed'>

export interface AttemptOptions {
  /** Whether the work asks a provider to create something that costs money. Default: true. */
  createIntent?: boolean
}

/**
 * Runs one attempt of a task: begins it at main before it spends anything, does the work, and as its last act reports
 * the outcome. A run that main refuses to begin spends nothing.
 *
 * @param work returns the task's result, or throws the attempt's failure
 * @throws what makes Temporal show the run as failed or cancelled, once main has the outcome
 */
export async function runAttempt<Params, Result>(
  input: AttemptInput<Params>,
  work: (run: AttemptRun) => Promise<Result>,
  { createIntent = true }: AttemptOptions = {},
): Promise<AttemptOutcome<Result>> {
  const { apiCallId, taskKey, attempt, callbackUrl } = input
  // The run keeps its identity when it continues as new.
  const run = { apiCallId, taskKey, attempt, runId: workflowInfo().firstExecutionRunId }

  const scope = CancellationScope.current()

  /** The code of what the run waits for, as last reported to main. */
  let told: string | null = null
  const reportProcessing = async (providerTask?: ProviderTask): Promise<void> => {
    const report = { ...run, status: 'processing' as const, ...(providerTask && { providerTask }) }
    const reply = await main.reportAttempt(callbackUrl, report)
    if (!reply.accepted) throw refusedByMain(reply.reason, reply.taskStatus)
    // A change of the row's status ends the reported wait.
    told = null
  }
  const tell = async (report: typeof run & (Waiting | Resumed), code: string | null): Promise<void> => {
    // Runs that began with 0.1.0 must not report what they did not report then.
    if (!patched('reports-waiting')) return
    try {
      await news.reportAttempt(callbackUrl, report)
      told = code
    } catch (error) {
      // An older main refuses this report each time. A main that is unavailable gets it with the next one.
      if (!describeFailure(error).retryable) told = code
    }
  }
  const reportWaiting = async (reason: TaskError, nextTrySeconds: number): Promise<void> => {
    if (reason.code === told) return
    const bounded = Math.min(nextTrySeconds, DAY_SECONDS)
    await tell({ ...run, status: 'waiting', reason, nextTrySeconds: bounded }, reason.code)
  }
  const reportResumed = async (): Promise<void> => {
    if (told !== null) await tell({ ...run, status: 'resumed' }, null)
  }
  const used = new Map<number, Usage[number]>()
  const noteUsage = (ofAttempt: number, units: Units) => void used.set(ofAttempt, { attempt: ofAttempt, units })
  const usage = () => (used.size > 0 ? { usage: [...used.values()] } : {})
  const reportFailure = async (failure: Failure): Promise<AttemptOutcome<Result>> => {
    await main.reportAttempt(callbackUrl, { ...run, status: 'failed', ...failure })
    return unsuccessful({ outcome: 'failed', attempt, ...failure }, scope.consideredCancelled)
  }

  let result: Result
  try {
    const beginAttempt = () => main.beginAttempt(callbackUrl, { ...run, status: 'begin', createIntent })
    // The work sees the cancellation after this: it has to find what an earlier run created, to cancel it.
    const begin = await (input.continued ? CancellationScope.nonCancellable(beginAttempt) : beginAttempt())
    if (!begin.accepted) throw refusedByMain(begin.reason, begin.taskStatus)
    result = await work({ begun: begin.begun, reportProcessing, reportWaiting, reportResumed, noteUsage })
  } catch (error) {
    // The attempt continues in the next run.
    if (error instanceof ContinueAsNew) throw error
    if (isRefusedByMain(error)) return unsuccessful({ outcome: 'refused', attempt, reason: error.message })
    const ofError = usageIn(error)
    if (ofError) used.set(attempt, { attempt, ...ofError })
    return CancellationScope.nonCancellable(() => reportFailure({ ...describeFailure(error), ...usage() }))
  }

  return CancellationScope.nonCancellable(async () => {
    try {
      await main.reportAttempt(callbackUrl, { ...run, status: 'completed', result, ...usage() })
    } catch (error) {
      // Main cannot accept this result, and would not accept it from another attempt either.
      const { message } = describeFailure(error).error
      return reportFailure({ error: { code: 'result_rejected', message }, retryable: false, ...usage() })
    }
    return { outcome: 'completed', attempt, result, ...usage() }
  })
}

/** Runs that ended in an earlier version returned it. */
function unsuccessful(outcome: Unsuccessful, isCancelled = false): Unsuccessful {
  if (!patched('fails-if-unsuccessful')) return outcome
  throw endAsFailed(outcome, isCancelled)
}
