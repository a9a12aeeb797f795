/** How the daemon's Temporal client, workers, workflows and activities make spans, where traces are sent. */
import { Context } from '@temporalio/activity'
import type { WorkflowClientInterceptor } from '@temporalio/client'
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker'
import { describeSpan, isTraced, traceFields, withAttributes } from '../lib/tracing.js'
import type { ForeignSpan, Tracing } from '../lib/tracing-sdk.js'
import { attemptAttributes } from '../protocol/names.js'

export interface TemporalTracing {
  client: WorkflowClientInterceptor
  /** The outermost of activities' interceptors: errors come to it redacted. */
  activity: ActivityInterceptorsFactory
  sinks: InjectedSinks<{ exporter: { export(spans: ForeignSpan[]): void } }>
}

/** What the SDK's interceptors keep a trace in. */
const TRACE_HEADER = '_tracer-data'

/** Loads what that needs. */
export async function traceTemporal(tracing: Tracing): Promise<TemporalTracing> {
  const [{ OpenTelemetryWorkflowClientInterceptor }, worker] = await Promise.all([
    import('@temporalio/interceptors-opentelemetry/lib/client/index.js'),
    import('@temporalio/interceptors-opentelemetry/lib/worker/index.js'),
  ])
  const client = new OpenTelemetryWorkflowClientInterceptor()
  return {
    client: {
      startWithDetails: (input, next) => (isTraced() ? client.startWithDetails(input, next) : next(input)),
    },
    activity: (activity) => {
      const inbound = new worker.OpenTelemetryActivityInboundInterceptor(activity)
      let trace: { traceId?: string } = {}
      return {
        inbound: {
          execute(input, next) {
            if (!(TRACE_HEADER in input.headers)) return next(input)
            return inbound.execute(input, (given) => {
              trace = traceFields()
              return withIds(() => next(given))
            })
          },
        },
        // The SDK's own lines are written outside of the span.
        outbound: { getLogAttributes: (input, next) => next({ ...input, ...trace }) },
      }
    },
    sinks: {
      exporter: {
        export: {
          fn: ({ workflowId, runId }, spans) =>
            tracing.take(spans, { ...idsOf(workflowId), temporalWorkflowId: workflowId, run_id: runId }),
        },
      },
    },
  }
}

/** Runs an activity so that all of its spans name its task. */
function withIds<T>(work: () => T): T {
  const { workflowExecution, attempt } = Context.current().info
  const attributes = { ...idsOf(workflowExecution?.workflowId ?? ''), 'asynctask.retries': attempt - 1 }
  describeSpan(attributes)
  return withAttributes(attributes, work)
}

/** Of a run's id: `<namespace>:<row>:<taskKey>:<attempt>`. */
function idsOf(workflowId: string) {
  const parts = workflowId.split(':')
  return parts.length < 4 ? {} : attemptAttributes(parts[0] ?? '', parts.at(-2) ?? '', Number(parts.at(-1)))
}
