/**
 * Temporal's interceptors for traces within workflows, which are bundled with them where traces are sent. Only runs that
 * were started in a trace make spans; what they do is the same with and without them, so runs may move from a daemon
 * that sends traces to one that does not.
 */
import {
  OpenTelemetryInboundInterceptor,
  OpenTelemetryInternalsInterceptor,
  OpenTelemetryOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry/lib/workflow/index.js'
import type { WorkflowInterceptors } from '@temporalio/workflow'

const TRACE_HEADER = '_tracer-data'

export const interceptors = (): WorkflowInterceptors => {
  const inbound = new OpenTelemetryInboundInterceptor()
  const outbound = new OpenTelemetryOutboundInterceptor()
  let isTraced = false
  const trace: { traceId?: unknown } = {}
  return {
    inbound: [
      {
        execute(input, next) {
          isTraced = TRACE_HEADER in input.headers
          if (!isTraced) return next(input)
          return inbound.execute(input, (given) => {
            outbound.getLogAttributes({}, (attributes) => Object.assign(trace, { traceId: attributes.trace_id }))
            return next(given)
          })
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => (isTraced ? outbound.scheduleActivity(input, next) : next(input)),
        scheduleLocalActivity: (input, next) => (isTraced ? outbound.scheduleLocalActivity(input, next) : next(input)),
        continueAsNew: (input, next) => (isTraced ? outbound.continueAsNew(input, next) : next(input)),
        // By the name that all lines have it; the SDK's own are written outside of the span.
        getLogAttributes: (input, next) => next({ ...input, ...trace }),
      },
    ],
    internals: [new OpenTelemetryInternalsInterceptor()],
  }
}
