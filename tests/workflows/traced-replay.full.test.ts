/** Runs that begin in a trace: what is bundled for it changes nothing of what workflows do. */
import { fileURLToPath } from 'node:url'
import { Worker } from '@temporalio/worker'
import { expect, it } from 'vitest'
import { traceHeader } from '@/async-task-component/trace-header.js'
import { bundleWorkflows } from '@/async-task-component/workflow-bundle.js'
import type { EndedRun } from '@/async-task-component/workflow-spans.js'
import { listHistories, readHistory, toHistory } from './history-files.js'

const integrationsFolder = fileURLToPath(new URL('../../integrations/', import.meta.url))
const stored = await listHistories()
const integrations = [...new Set(stored.map((name) => name.split('/')[0] ?? ''))]
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** Recorded without traces, and given one from its start on. */
async function tracedHistory(name: string) {
  const history = toHistory(await readHistory(name))
  const started = history.events?.[0]?.workflowExecutionStartedEventAttributes
  if (started) started.header = { fields: traceHeader(traceparent) }
  return history
}

it.each(integrations)('the recorded runs of %s are repeated as they were, in a trace', async (integration) => {
  const names = stored.filter((name) => name.startsWith(`${integration}/`))
  const workflowBundle = await bundleWorkflows(`${integrationsFolder}${integration}/workflows/index.ts`)
  const ended: EndedRun[] = []
  const fn = (_info: unknown, run: EndedRun) => void ended.push(run)
  const sinks = { runs: { ended: { fn, callDuringReplay: true } } }
  const errors = new Map<string, unknown>(names.map((name) => [name, 'was not replayed']))
  const histories = (async function* () {
    for (const name of names) yield { workflowId: name, history: await tracedHistory(name) }
  })()
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle, sinks }, histories)) {
    errors.set(workflowId, error)
  }
  for (const name of names) expect([name, errors.get(name)]).toEqual([name, undefined])
  expect(ended.length).toBeGreaterThan(0)
  for (const run of ended) expect(run).toMatchObject({ traceparent, startMs: expect.any(Number) })
})

it('none of OpenTelemetry is bundled: it would be loaded again for every run', async () => {
  const bundle = await bundleWorkflows(`${integrationsFolder}test-async-task/workflows/index.ts`)
  expect(bundle.inputs.filter((file) => file.includes('opentelemetry'))).toEqual([])
  expect(bundle.inputs).toContainEqual(expect.stringMatching(/async-task-component\/workflow-spans\.ts$/))
})
