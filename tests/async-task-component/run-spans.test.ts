/** The spans of a run and of its activities, which are made apart, are one tree. */
import { MockActivityEnvironment } from '@temporalio/testing'
import type { WorkflowInfo } from '@temporalio/workflow'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { traceHeader } from '@/async-task-component/trace-header.js'
import { runSpans, tracedActivities } from '@/async-task-component/tracing.js'
import { startTracing } from '@/lib/start-tracing.js'
import { isTraced, spanned, spannedWithin } from '@/lib/tracing.js'
import type { Tracing } from '@/lib/tracing-sdk.js'
import { type OTLPReceiver, startOTLPReceiver } from '../support/otlp.js'

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const traceparent = `00-${TRACE.traceId}-${TRACE.spanId}-01`
const run = { workflowId: 'videos:7:a-task:2', runId: '0198c0de-77aa-7bbb-8ccc-0123456789ab' }
const task = { 'asynctask.integration': 'videos', 'asynctask.task': 'a-task', 'asynctask.attempt': 2 }
const { context } = new MockActivityEnvironment({ activityType: 'create', attempt: 3, workflowExecution: run })
const { inbound } = tracedActivities(context)
const options = { serviceName: 'daemon', redact: (text: string) => text, logger: pino({ level: 'silent' }) }

let receiver: OTLPReceiver
let tracing: Tracing | null
beforeAll(async () => {
  receiver = await startOTLPReceiver()
  Object.assign(process.env, receiver.env)
  tracing = await startTracing(options)
  for (const name of Object.keys(receiver.env)) delete process.env[name]
})
afterAll(async () => {
  await tracing?.stop()
  await receiver.stop()
})
beforeEach(() => {
  receiver.spans.length = 0
})

const named = (name: string) => receiver.until((spans) => spans.find((span) => span.name === name))
const ended = (failure?: string) => {
  const details = { traceparent, startMs: Date.now() - 5000, ...(failure !== undefined && { failure }) }
  return runSpans.runs.ended.fn({ ...run, workflowType: 'makeVideo' } as WorkflowInfo, details)
}

it('an activity is within its run, whose span is made once it has ended', async () => {
  const ask = () => spannedWithin('ask', {}, async () => undefined)
  await inbound?.execute?.({ args: [], headers: traceHeader(traceparent) }, ask)
  await ended('overloaded')
  const [ofRun, activity, request] = [
    await named('RunWorkflow:makeVideo'),
    await named('RunActivity:create'),
    await named('ask'),
  ]
  expect(ofRun).toMatchObject({ traceId: TRACE.traceId, parentSpanId: TRACE.spanId })
  expect(ofRun).toMatchObject({
    status: { code: 2, message: 'overloaded' },
    attributes: { ...task, run_id: run.runId },
  })
  expect(ofRun.endTimeUnixNano - ofRun.startTimeUnixNano).toBeGreaterThan(4_000_000_000n)
  expect(activity).toMatchObject({ traceId: TRACE.traceId, parentSpanId: ofRun.spanId })
  for (const span of [activity, request]) {
    expect(span.attributes).toMatchObject({ ...task, 'asynctask.retries': 2 })
  }
  expect(request.parentSpanId).toBe(activity.spanId)
})

it('what was started outside of a trace makes no span', async () => {
  const traced = await inbound?.execute?.({ args: [], headers: {} }, async () => isTraced())
  await spanned('after', {}, async () => undefined)
  await named('after')
  expect([traced, receiver.spans.map(({ name }) => name)]).toEqual([false, ['after']])
})
