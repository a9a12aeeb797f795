/** A receiver of traces, as a collector is one: OTLP over HTTP, of which it reads JSON. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { eventually } from './eventually.js'

const valueSchema = z
  .looseObject({
    stringValue: z.string(),
    intValue: z.coerce.number(),
    doubleValue: z.number(),
    boolValue: z.boolean(),
  })
  .partial()
  .transform(({ stringValue, intValue, doubleValue, boolValue }) => stringValue ?? intValue ?? doubleValue ?? boolValue)
const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .default([])
  .transform((all) => Object.fromEntries(all.map(({ key, value }) => [key, value])))
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: attributesSchema,
  events: z.array(z.object({ name: z.string(), attributes: attributesSchema })).default([]),
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
  status: z.object({ code: z.number().optional(), message: z.string().optional() }).default({}),
})
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
})

export interface ReceivedSpan extends z.output<typeof spanSchema> {
  service: unknown
}

export interface OTLPReceiver {
  url: string
  spans: ReceivedSpan[]
  /** As they came. */
  bodies: Array<{ path: string; type: string | undefined; bytes: Buffer }>
  /** The environment with which a process sends its traces here, soon. */
  env: Record<string, string>
  /** Waits until there is what `find` finds. */
  until<T>(find: (spans: readonly ReceivedSpan[]) => T | undefined): Promise<T>
  stop(): Promise<void>
}

export async function startOTLPReceiver(): Promise<OTLPReceiver> {
  const spans: ReceivedSpan[] = []
  const bodies: OTLPReceiver['bodies'] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    const type = request.headers['content-type']
    bodies.push({ path: request.url ?? '', type, bytes })
    if (type === 'application/json') spans.push(...spansOf(bytes.toString()))
    response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    spans,
    bodies,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '100' },
    until: (find) =>
      eventually(() => {
        const found = find(spans)
        if (found === undefined) throw new Error(`These have come:\n${spans.map(({ name }) => name).join('\n')}`)
        return found
      }),
    async stop() {
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

function spansOf(body: string): ReceivedSpan[] {
  return exportSchema
    .parse(JSON.parse(body))
    .resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) =>
        spans.map((span) => ({ ...span, service: resource.attributes['service.name'] })),
      ),
    )
}
