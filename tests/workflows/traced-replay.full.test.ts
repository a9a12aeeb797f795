/** Runs that begin in a trace: the interceptors for it change nothing of what workflows do. */
import { fileURLToPath } from 'node:url'
import { defaultPayloadConverter } from '@temporalio/common'
import { Worker } from '@temporalio/worker'
import { expect, it } from 'vitest'
import { TRACED, UNTRACED } from '@/async-task-component/bundle-cache.js'
import { bundleWorkflows } from '@/async-task-component/workflow-bundle.js'
import { listHistories, readHistory, toHistory } from './history-files.js'

const integrationsFolder = fileURLToPath(new URL('../../integrations/', import.meta.url))
const stored = await listHistories()
const integrations = [...new Set(stored.map((name) => name.split('/')[0] ?? ''))]
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** Recorded without traces, and given one from its start on. */
async function tracedHistory(name: string) {
  const history = toHistory(await readHistory(name))
  const started = history.events?.[0]?.workflowExecutionStartedEventAttributes
  if (started) started.header = { fields: { '_tracer-data': defaultPayloadConverter.toPayload({ traceparent }) } }
  return history
}

it.each(integrations)('the recorded runs of %s are repeated as they were, in a trace', async (integration) => {
  const names = stored.filter((name) => name.startsWith(`${integration}/`))
  const workflowBundle = await bundleWorkflows(
    `${integrationsFolder}${integration}/workflows/index.ts`,
    TRACED.interceptors,
  )
  const spans: string[] = []
  const fn = (_info: unknown, made: Array<{ name: string; spanContext: { traceId: string } }>) => {
    for (const { name, spanContext } of made) spans.push(`${spanContext.traceId} ${name}`)
  }
  const sinks = { exporter: { export: { fn, callDuringReplay: true } } }
  const errors = new Map<string, unknown>(names.map((name) => [name, 'was not replayed']))
  const histories = (async function* () {
    for (const name of names) yield { workflowId: name, history: await tracedHistory(name) }
  })()
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle, sinks }, histories)) {
    errors.set(workflowId, error)
  }
  for (const name of names) expect([name, errors.get(name)]).toEqual([name, undefined])
  expect(spans).toContain('0af7651916cd43dd8448eb211c80319c StartActivity:beginAttempt')
})

it('without traces, none of OpenTelemetry is bundled', async () => {
  const path = `${integrationsFolder}test-async-task/workflows/index.ts`
  const [plain, traced] = await Promise.all(
    [UNTRACED, TRACED].map(({ interceptors }) => bundleWorkflows(path, interceptors)),
  )
  const of = (bundle: typeof plain) => bundle?.inputs.filter((file) => file.includes('opentelemetry')) ?? []
  expect([of(plain), of(traced).length > 0]).toEqual([[], true])
})
