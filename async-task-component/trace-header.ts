/** How Temporal's headers take a trace along from a run's start on: as its interceptors for OpenTelemetry write it. */
import { defaultPayloadConverter, type Headers } from '@temporalio/common'

const TRACE_HEADER = '_tracer-data'

/** The `traceparent` that a run or an activity was given. */
export function traceparentIn(headers: Headers): string | undefined {
  const payload = headers[TRACE_HEADER]
  return payload && defaultPayloadConverter.fromPayload<{ traceparent?: string }>(payload).traceparent
}

export function traceHeader(traceparent: string): Headers {
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload({ traceparent }) }
}
