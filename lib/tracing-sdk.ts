/** OpenTelemetry's SDK, as its variables configure it: sampler, limits, batches, where spans are sent and how. */
import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
  type ReadableSpan,
  type SpanExporter,
  type TimedEvent,
} from '@opentelemetry/sdk-trace-base'
import type { Logger } from 'pino'
import { unlessAborted, withTimeout } from './abort.js'
import { type Redact, redactValue } from './redaction.js'
import { chosenIds, TRACER } from './tracing.js'

export interface TracingOptions {
  /** Unless `OTEL_SERVICE_NAME` says another. */
  serviceName: string
  /** Applied to the texts of errors. */
  redact: Redact
  logger: Pick<Logger, 'info' | 'warn'>
}

export interface Tracing {
  /** Sends what there is, if that is possible soon, and ends. */
  stop(): Promise<void>
}

/** An endpoint that does not answer must not delay a stop for longer. */
const FLUSH_MS = 3000
const COMPLAIN_EVERY_MS = 60_000

export async function startSDK(
  { serviceName, redact, logger }: TracingOptions,
  env: NodeJS.ProcessEnv,
): Promise<Tracing> {
  const named = resourceFromAttributes({ 'service.name': serviceName })
  const resource = defaultResource()
    .merge(named)
    .merge(detectResources({ detectors: [envDetector] }))
  const processor = new BatchSpanProcessor(tellingOfTrouble(await exporterOf(env), redact, logger))
  const random = new RandomIdGenerator()
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [processor],
    idGenerator: {
      generateTraceId: () => random.generateTraceId(),
      generateSpanId: () => chosenIds.next ?? random.generateSpanId(),
    },
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  chosenIds.possible = true
  logger.info('traces are sent')
  return {
    async stop() {
      try {
        await withTimeout(FLUSH_MS, [], (soon) => unlessAborted(provider.shutdown(), soon))
      } catch {
        logger.warn('not all traces were sent')
      }
      chosenIds.possible = false
      for (const api of [trace, context, propagation]) api.disable()
    },
  }
}

/** JSON if that is asked for, else protobuf, which is the variable's default. */
async function exporterOf(env: NodeJS.ProcessEnv): Promise<SpanExporter> {
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter()
}

/** Leaves texts out, and says once a minute at most that spans were lost. They are then gone: nothing waits for them. */
function tellingOfTrouble(exporter: SpanExporter, redact: Redact, logger: TracingOptions['logger']): SpanExporter {
  let complainAt = Number.NEGATIVE_INFINITY
  return {
    export(spans, done) {
      exporter.export(
        spans.map((span) => withoutTexts(span, redact)),
        (result) => {
          if (result.code === ExportResultCode.FAILED && performance.now() > complainAt) {
            complainAt = performance.now() + COMPLAIN_EVERY_MS
            logger.warn(
              { spans: spans.length },
              `traces cannot be sent: ${redact(result.error?.message ?? 'no answer')}`,
            )
          }
          done(result)
        },
      )
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}

/** Others' spans tell errors' words, which may be a provider's or a user's: what is left is their kind. */
function withoutTexts(span: ReadableSpan, redact: Redact): ReadableSpan {
  const { status, events, instrumentationScope } = span
  const isOwn = instrumentationScope.name === TRACER
  const hasTexts = isOwn ? events.some(({ attributes }) => attributes?.['error.type'] !== undefined) : events.length > 0
  if (!hasTexts && status.message === undefined) return span
  return Object.create(span, {
    status: { value: isOwn ? redactValue(status, redact) : { code: status.code } },
    events: { value: redactValue(isOwn ? events : events.map(withKindOnly), redact) },
  }) as ReadableSpan
}

function withKindOnly({ time, name, attributes }: TimedEvent): TimedEvent {
  const kind = attributes?.['exception.type']
  return { time, name, ...(kind !== undefined && { attributes: { 'exception.type': kind } }) }
}
