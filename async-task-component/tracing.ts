/**
 * The spans of Temporal's runs and activities, where traces are sent. A run takes the `traceparent` of its start along,
 * and its own span's id follows from the run's id: so nothing of OpenTelemetry has to be in workflows' sandboxes, where
 * it would be loaded again for every run.
 */
import type { WorkflowClientInterceptor } from '@temporalio/client'
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker'
import {
  activeTraceparent,
  describeSpan,
  isTraced,
  isTracing,
  pastSpan,
  spanned,
  startWithId,
  traceIdOf,
  withAttributes,
  withSpanId,
} from '../lib/tracing.js'
import { attemptAttributes } from '../protocol/names.js'
import { traceHeader, traceparentIn } from './trace-header.js'
import type { RunSinks } from './workflow-spans.js'

/** Has a run continue the trace that it is started in. */
export const tracedStarts: WorkflowClientInterceptor = {
  startWithDetails(input, next) {
    const traceparent = isTraced() ? activeTraceparent() : undefined
    if (traceparent === undefined) return next(input)
    describeSpan({ temporalWorkflowId: input.options.workflowId })
    return next({ ...input, headers: { ...input.headers, ...traceHeader(traceparent) } })
  },
}

/** Each execution of an activity is a span of its run. The outermost interceptor: errors come to it redacted. */
export const tracedActivities: ActivityInterceptorsFactory = ({ info }) => {
  let trace: { traceId?: string | undefined } = {}
  return {
    inbound: {
      execute(input, next) {
        const { activityType, attempt, currentAttemptScheduledTimestampMs: scheduledMs } = info
        const { workflowId, runId } = info.workflowExecution ?? {}
        const start = traceparentIn(input.headers)
        if (start === undefined || workflowId === undefined || runId === undefined || !isTracing()) return next(input)
        trace = { traceId: traceIdOf(start) }
        const details = {
          parent: withSpanId(start, spanIdOf(runId)),
          attributes: { 'asynctask.queued_ms': Math.max(0, Date.now() - scheduledMs) },
        }
        return withAttributes({ ...idsOf(workflowId), 'asynctask.retries': attempt - 1 }, () =>
          spanned(`RunActivity:${activityType}`, details, () => next(input)),
        )
      },
    },
    // The SDK's own lines are written outside of the span.
    outbound: { getLogAttributes: (input, next) => next({ ...input, ...trace }) },
  }
}

/** Makes the span of a run that has ended. */
export const runSpans: InjectedSinks<RunSinks> = {
  runs: {
    ended: {
      fn({ workflowId, runId, workflowType }, { traceparent: parent, startMs, failure }) {
        const attributes = { ...idsOf(workflowId), temporalWorkflowId: workflowId, run_id: runId }
        startWithId(spanIdOf(runId), () =>
          pastSpan(`RunWorkflow:${workflowType}`, { parent, startMs, failure, attributes }),
        )
      },
    },
  },
}

/** Of a run: the end of its id, which is a random UUID. */
function spanIdOf(runId: string): string {
  return runId.replaceAll('-', '').slice(-16)
}

/** Of a run's id: `<namespace>:<row>:<taskKey>:<attempt>`. */
function idsOf(workflowId: string) {
  const parts = workflowId.split(':')
  return parts.length < 4 ? {} : attemptAttributes(parts[0] ?? '', parts.at(-2) ?? '', Number(parts.at(-1)))
}
