/** Main's part of a task's trace: from the request that created it, over claims and reports, to its end. */
import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTracing } from '@/lib/start-tracing.js'
import type { Tracing } from '@/lib/tracing-sdk.js'
import { newToken, startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { type OTLPReceiver, type ReceivedSpan, startOTLPReceiver } from '../support/otlp.js'
import { TEST_API } from '../support/tasks.js'

const REPORT = `${TEST_API}/reportTestAsyncTaskResult`
const OPERATOR = 'operator-token-0123456789'
const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const traceparent = `00-${CALLER.traceId}-${CALLER.spanId}-01`
const result = { success: true, steps: [] }

const lines: Array<Record<string, unknown>> = []
const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
const quiet = { serviceName: 'async-task-main', redact: (text: string) => text, logger: pino({ level: 'silent' }) }

let receiver: OTLPReceiver
let tracing: Tracing | null
let main: TestMain
beforeAll(async () => {
  receiver = await startOTLPReceiver()
  for (const [name, value] of Object.entries(receiver.env)) process.env[name] = value
  tracing = await startTracing(quiet)
  for (const name of Object.keys(receiver.env)) delete process.env[name]
  const policy = { stuckTimeoutSeconds: 0 }
  main = await startTestMain({ logger, operatorToken: OPERATOR, tasks: policy })
})
afterAll(async () => {
  await main.stop()
  await tracing?.stop()
  await receiver.stop()
})
beforeEach(() => {
  receiver.spans.length = 0
  lines.length = 0
})

const create = async (headers = { traceparent }) => (await main.post('/api/test/run', {}, headers)).body.taskId
const claimBatch = async () => {
  const claim = { claimId: randomUUID(), limit: 1 }
  return (await main.internalPost(`${TEST_API}/claimTasks`, claim)).body.tasks[0]
}
/** So that the next test's claim finds its own. */
const end = ({ id, attempt }: { id: string; attempt: number }) =>
  main.internalPost(REPORT, { apiCallId: id, attempt, runId: `run-${attempt}`, status: 'completed', result })
const named = (name: string) => receiver.until((spans) => spans.find((span) => span.name === name))
const claims = (count: number) =>
  receiver.until((spans) => {
    const found = spans.filter(({ name }) => name === 'claim testAsyncTask')
    return found.length >= count ? found : undefined
  })
const spanIdIn = (text: string) => text.split('-')[2]
const onlyLink = ({ links }: ReceivedSpan) => links.map(({ spanId }) => spanId)

describe('a task', () => {
  it('continues its creator’s trace, and its claim tells the daemon from where to go on', async () => {
    const taskKey = await create()
    const task = await claimBatch()
    await end(task)
    const [request, [claim]] = [await named('POST /api/test/run'), await claims(1)]
    expect(request).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId, service: 'async-task-main' })
    expect(claim).toMatchObject({ traceId: CALLER.traceId, parentSpanId: request.spanId, links: [] })
    expect(claim?.attributes).toMatchObject({ 'asynctask.task': taskKey, 'asynctask.attempt': 1 })
    expect(task.traceparent).toBe(`00-${CALLER.traceId}-${claim?.spanId}-01`)
    const transaction = { name: expect.stringMatching(/^transaction /), attributes: { ms: expect.any(Number) } }
    expect(request.events).toContainEqual(transaction)
  })

  it('that is taken over, and tried again, stays in its trace; each claim links to the one before', async () => {
    await create()
    const first = await claimBatch()
    const second = (
      await main.internalPost(REPORT, { apiCallId: first.id, status: 'queued', fencingToken: newToken() })
    ).body
    const run = { apiCallId: first.id, attempt: 1, runId: 'run-1' }
    await main.internalPost(REPORT, { ...run, status: 'begin' })
    const error = { code: 'overloaded', message: 'a text of the provider' }
    await main.internalPost(REPORT, { ...run, status: 'failed', error, retryable: true, retryAfterSeconds: 0 })
    const { body } = await main.get(`/api/operator/tasks?id=${first.taskKey}`, { authorization: `Bearer ${OPERATOR}` })
    expect(body.tasks).toMatchObject([{ status: 'failed' }])
    await main.post(
      `${TEST_API}/retryTask`,
      { apiCallId: first.id, by: 'anna' },
      { authorization: `Bearer ${OPERATOR}` },
    )
    const third = await claimBatch()
    await end(third)
    const [one, two, three] = await claims(3)
    expect([first, second, third].map((claim) => spanIdIn(claim.traceparent))).toEqual(
      [one, two, three].map((span) => span?.spanId),
    )
    for (const span of [one, two, three]) expect(span).toMatchObject({ traceId: CALLER.traceId })
    expect(new Set([one?.spanId, two?.spanId, three?.spanId]).size).toBe(3)
    expect(two?.attributes).toMatchObject({ 'asynctask.attempt': 1, 'asynctask.take_over': true })
    expect(three?.attributes).toMatchObject({ 'asynctask.attempt': 2, 'asynctask.take_over': false })
    expect([two, three].map((span) => span && onlyLink(span))).toEqual([[one?.spanId], [two?.spanId]])
    // By a daemon that sends no traces, and by an operator: each in the task's trace, too.
    expect(await named('failed testAsyncTask')).toMatchObject({
      traceId: CALLER.traceId,
      attributes: { 'error.type': 'overloaded' },
    })
    expect(receiver.bodies.map(({ bytes }) => bytes.toString()).join()).not.toContain('a text of the provider')
  })

  it('is reported on within its trace, and says so in each line about it', async () => {
    const taskKey = await create()
    const task = await claimBatch()
    const run = { apiCallId: task.id, attempt: 1, runId: 'run-1' }
    const headers = { authorization: `Bearer ${TEST_TOKEN}`, traceparent: task.traceparent }
    await main.post(REPORT, { ...run, status: 'begin' }, headers)
    await main.post(REPORT, { ...run, status: 'completed', result }, headers)
    const moves = ({ events }: ReceivedSpan) => events.filter(({ name }) => name === 'task moved')
    const report = await receiver.until((spans) => spans.find((span) => moves(span).length === 2))
    expect(report).toMatchObject({ name: `POST ${REPORT}`, traceId: CALLER.traceId, status: {} })
    expect(report.parentSpanId).toBe(spanIdIn(task.traceparent))
    expect(moves(report).map(({ attributes }) => attributes['asynctask.to'])).toEqual(['processing', 'completed'])
    const about = lines.filter((line) => line.taskKey === taskKey)
    expect(about.map(({ msg }) => msg)).toEqual([
      'task created',
      ...['moved', 'event', 'moved', 'moved'].map((m) => `task ${m}`),
    ])
    for (const line of about) expect(line).toMatchObject({ namespace: 'testAsyncTask', traceId: CALLER.traceId })
    expect(lines.filter(({ msg }) => msg === 'request').map(({ traceId }) => traceId)).toContain(CALLER.traceId)
  })
})

it('a refused request is no failure; nor does whoever polls begin a trace', async () => {
  await main.internalPost(`${TEST_API}/claimTasks`, { claimId: randomUUID(), limit: 1 })
  await main.internalGet(`${TEST_API}/fetchPendingTasks`)
  await main.post('/api/test/run', { kind: 'no such' })
  const refused = await named('POST /api/test/run')
  expect(refused).toMatchObject({ attributes: { 'http.response.status_code': 400 }, status: {} })
  expect(refused.parentSpanId ?? '').toBe('')
  expect(receiver.spans.map(({ name }) => name)).toEqual(['POST /api/test/run'])
})
