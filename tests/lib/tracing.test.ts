/** How traces are switched on, by the usual variables; and that they hold nothing up. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { trace } from '@opentelemetry/api'
import pino from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createRedactor } from '@/lib/redaction.js'
import { startTracing } from '@/lib/start-tracing.js'
import { activeTraceparent, isTracing, spanned, traceFields } from '@/lib/tracing.js'
import type { Tracing } from '@/lib/tracing-sdk.js'
import { type OTLPReceiver, startOTLPReceiver } from '../support/otlp.js'

const SECRET = 'the-providers-key-0123456789'
const lines: string[] = []
const logger = pino({}, { write: (line: string) => void lines.push(line) })
const options = { serviceName: 'a-service', redact: createRedactor([SECRET]), logger }

let receiver: OTLPReceiver
let tracing: Tracing | null = null
beforeEach(async () => {
  lines.length = 0
  receiver = await startOTLPReceiver()
})
afterEach(async () => {
  await tracing?.stop()
  tracing = null
  await receiver.stop()
})

/** The SDK reads the process's own environment. */
async function start(env: Record<string, string>): Promise<void> {
  Object.assign(process.env, env)
  tracing = await startTracing(options)
  for (const name of Object.keys(env)) delete process.env[name]
}

const failing = () =>
  spanned('fails', {}, async () => {
    throw Object.assign(new Error(`not with ${SECRET}`), { code: `refused ${SECRET}` })
  }).catch(() => undefined)

it.each<[why: string, env: Record<string, string>]>([
  ['no endpoint is configured', {}],
  ['the SDK is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' }],
  ['no traces are wanted', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_EXPORTER: 'none' }],
])('nothing is traced where %s', async (_why, env) => {
  await start(env)
  expect([tracing, isTracing()]).toEqual([null, false])
  const seen = await spanned('work', {}, async () => [activeTraceparent(), traceFields()])
  expect(seen).toEqual([undefined, {}])
})

it('spans are sent as protobuf, unless the variable says JSON', async () => {
  await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  await spanned('work', {}, async () => undefined)
  await tracing?.stop()
  expect(receiver.bodies).toMatchObject([{ path: '/v1/traces', type: 'application/x-protobuf' }])
  expect(receiver.bodies[0]?.bytes.includes('a-service')).toBe(true)
})

it('the sampler, the name and attributes are as the variables say', async () => {
  const env = { OTEL_SERVICE_NAME: 'another', OTEL_RESOURCE_ATTRIBUTES: 'service.version=7' }
  await start({ ...receiver.env, ...env })
  await spanned('work', {}, async () => undefined)
  await tracing?.stop()
  expect(receiver.spans).toMatchObject([{ name: 'work', service: 'another' }])
  expect(receiver.bodies.join()).not.toContain(SECRET)

  await start({ ...receiver.env, OTEL_TRACES_SAMPLER: 'always_off' })
  await spanned('unsampled', {}, async () => expect(activeTraceparent()).toMatch(/-00$/))
  await tracing?.stop()
  expect(receiver.spans.map(({ name }) => name)).toEqual(['work'])
})

it.each([
  ['0', ['of a trace that is kept']],
  ['1', ['first', 'of a trace that is kept']],
])('where a share of %s is kept, the first span of a trace decides for all of it', async (ratio, kept) => {
  await start({ ...receiver.env, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: ratio })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'
  await spanned('first', {}, async () => undefined)
  await spanned('of a trace that is kept', { parent: `${traceparent}-01` }, async () => undefined)
  await spanned('of one that is not', { parent: `${traceparent}-00` }, async () => undefined)
  await tracing?.stop()
  expect(receiver.spans.map(({ name }) => name)).toEqual(kept)
})

it('errors are told by their codes, without secrets', async () => {
  await start(receiver.env)
  await failing()
  await tracing?.stop()
  expect(receiver.spans).toMatchObject([{ status: { code: 2, message: 'refused [key]' } }])
  expect(receiver.bodies.map(({ bytes }) => bytes.toString()).join()).not.toContain(SECRET)
})

it('what others tell of errors is left out, but for their kind', async () => {
  await start(receiver.env)
  const span = trace.getTracer('another').startSpan('fails')
  span.recordException(new TypeError('words of a provider'))
  span.setStatus({ code: 2, message: 'words of a provider' })
  span.end()
  await tracing?.stop()
  const events = [{ name: 'exception', attributes: { 'exception.type': 'TypeError' } }]
  expect(receiver.spans).toMatchObject([{ name: 'fails', status: { code: 2 }, events }])
  expect(receiver.bodies.map(({ bytes }) => bytes.toString()).join()).not.toContain('words')
})

it.each<[what: string, takesConnections: boolean]>([
  ['is away', false],
  ['takes connections and says nothing', true],
])('an endpoint that %s delays neither work nor a stop', async (_what, takesConnections) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  if (!takesConnections) silent.close()
  await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_BSP_SCHEDULE_DELAY: '10' })
  const from = performance.now()
  for (let count = 0; count < 3000; count++) await spanned('work', {}, async () => undefined)
  await tracing?.stop()
  expect(performance.now() - from).toBeLessThan(5000)
  expect(lines.join()).toContain('not all traces were sent')
  silent.closeAllConnections()
  silent.close()
})
