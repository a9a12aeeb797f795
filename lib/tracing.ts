/**
 * Spans, for those who make them. This is OpenTelemetry's API alone: it does nothing until somebody starts its SDK
 * (`start-tracing.ts`, or the process that main is a part of). A span's name has few values; its attributes are ids,
 * codes and numbers, never texts of users or providers.
 */
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  type ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

export { SpanKind } from '@opentelemetry/api'

export const TRACER = 'interaqt-async-task'
/** Asked for each time: who embeds main may start an SDK late. */
const tracer = () => trace.getTracer(TRACER)
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
/** What all spans within a context say. */
const SHARED = createContextKey('interaqt-async-task.attributes')

export interface SpanDetails {
  kind?: SpanKind
  attributes?: Attributes
  /** A `traceparent`. Default: the active span. */
  parent?: string | undefined
}

/** Whether there is an SDK. */
export function isTracing(): boolean {
  // An application may have a copy of the API of its own, so not by its class.
  const provider: Partial<ProxyTracerProvider> = trace.getTracerProvider()
  return provider.getDelegateTracer?.(TRACER) !== undefined
}

/** Runs work as a span. If it throws, the span says so by the error's code. */
export function spanned<T>(name: string, details: SpanDetails, work: (span: Span) => Promise<T>): Promise<T> {
  return isTracing() ? spannedNow(name, details, work) : work(NO_SPAN)
}

async function spannedNow<T>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes, parent }: SpanDetails,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const within = parent === undefined ? context.active() : contextOf(parent)
  const shared = context.active().getValue(SHARED) as Attributes | undefined
  const span = tracer().startSpan(name, { kind, attributes: { ...shared, ...attributes } }, within)
  try {
    return await context.with(trace.setSpan(within, span), () => work(span))
  } catch (error) {
    fail(span, error)
    throw error
  } finally {
    span.end()
  }
}

/** As `spanned`, but only within a trace: what goes on outside of any does not begin one. */
export function spannedWithin<T>(name: string, details: SpanDetails, work: () => Promise<T>): Promise<T> {
  return isTraced() ? spanned(name, details, work) : work()
}

/** Has the active span tell of work, and how long it took: for what is too small, or too frequent, for its own span. */
export function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  return isTraced() ? timedNow(name, work) : work()
}

async function timedNow<T>(name: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now()
  try {
    return await work()
  } finally {
    spanEvent(name, { ms: performance.now() - from })
  }
}

interface PastSpan extends SpanDetails {
  links?: string[]
  startMs?: number
  /** An error's code. */
  failure?: string | undefined
}

/** A span of something that is over. */
export function pastSpan(name: string, { parent, attributes = {}, links = [], startMs, failure }: PastSpan): void {
  const details = { attributes, links: links.flatMap(linkTo), ...(startMs !== undefined && { startTime: startMs }) }
  const span = tracer().startSpan(name, details, parent === undefined ? context.active() : contextOf(parent))
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
  span.end()
}

/** Whether there is an active span that is recorded. */
export function isTraced(): boolean {
  return trace.getActiveSpan()?.isRecording() ?? false
}

/** Gives the active span a name that says more. */
export function nameSpan(name: string): void {
  trace.getActiveSpan()?.updateName(name)
}

/** Says something of the active span. */
export function describeSpan(attributes: Attributes): void {
  trace.getActiveSpan()?.setAttributes(attributes)
}

/** Something that happened at a moment of the active span. */
export function spanEvent(name: string, attributes: Attributes): void {
  trace.getActiveSpan()?.addEvent(name, attributes)
}

/** Runs work whose spans all say this. */
export function withAttributes<T>(attributes: Attributes, work: () => T): T {
  return context.with(context.active().setValue(SHARED, attributes), work)
}

/** Runs work in a trace, without a span for it; without a `traceparent`, as it is. */
export function inTrace<T>(traceparent: string | undefined, work: () => T): T {
  return traceparent === undefined ? work() : context.with(contextOf(traceparent), work)
}

/** Runs work that is of no trace. */
export function outsideTraces<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work)
}

/** The active span, for whoever continues its trace: a W3C `traceparent`. */
export function activeTraceparent(): string | undefined {
  const active = trace.getSpanContext(context.active())
  return active && isSpanContextValid(active) ? spell(active) : undefined
}

/** The headers by which a request takes the trace along. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {}
  propagation.inject(context.active(), headers)
  return headers
}

/** Runs the answering of a request as a span of its caller's trace, or as the first one of its own. */
export function spannedRequest(
  name: string,
  { headers, attributes }: { headers: Record<string, string>; attributes: Attributes },
  answer: (traceId: string) => Promise<{ status: number; error?: unknown }>,
): Promise<void> {
  const caller = propagation.extract(ROOT_CONTEXT, headers)
  return context.with(caller, () =>
    spanned(name, { kind: SpanKind.SERVER, attributes }, async (span) => {
      const { status, error } = await answer(span.spanContext().traceId)
      span.setAttribute('http.response.status_code', status)
      if (status >= 500) fail(span, error)
    }),
  )
}

/** For log lines, as pino's `mixin`: the trace that the process is in. */
export function traceFields(): { traceId?: string } {
  const active = trace.getSpanContext(context.active())
  // pino writes into it.
  return active ? { traceId: active.traceId } : {}
}

/** The trace's id, of a `traceparent`. */
export function traceIdOf(traceparent: string | null | undefined): string | undefined {
  return traceparent === null || traceparent === undefined ? undefined : parse(traceparent)?.traceId
}

/** The same trace, from another of its spans on. */
export function withSpanId(traceparent: string, spanId: string): string {
  return traceparent.replace(/^(00-[0-9a-f]{32}-)[0-9a-f]{16}/, `$1${spanId}`)
}

/** Span ids that somebody chooses. Only this product's own SDK lets them. */
export const chosenIds: { possible: boolean; next: string | undefined } = { possible: false, next: undefined }

/** Has the span that `start` starts get this id, if that is possible. */
export function startWithId(spanId: string, start: () => void): void {
  chosenIds.next = spanId
  try {
    start()
  } finally {
    chosenIds.next = undefined
  }
}

/** What was refused is an answer, and no failure. */
function fail(span: Span, error: unknown): void {
  const status = (error as { httpStatus?: number } | undefined)?.httpStatus
  if (status !== undefined) span.setAttribute('http.response.status_code', status)
  if (status !== undefined && status < 500) return
  const code = error instanceof Error ? ((error as { code?: unknown }).code ?? error.name) : 'thrown'
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(code) })
}

function contextOf(traceparent: string): Context {
  const parsed = parse(traceparent)
  return parsed ? trace.setSpanContext(context.active(), parsed) : ROOT_CONTEXT
}

function linkTo(traceparent: string): Link[] {
  const parsed = parse(traceparent)
  return parsed ? [{ context: parsed }] : []
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

function parse(traceparent: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const parsed = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(parsed) ? parsed : undefined
}

function spell({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
