/** A task's trace through the whole system, each part a process of its own: what a collector gets of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stack } from '@/tools/stack/stack.js'
import { TaskClient } from '@/tools/stack/task-client.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { eventually } from '../support/eventually.js'
import { type OTLPReceiver, type ReceivedSpan, startOTLPReceiver } from '../support/otlp.js'
import { createDataDir } from '../support/shared.js'

const SECRETS = {
  INTERNAL_API_TOKEN: 'internal-token-of-the-trace-test',
  OPERATOR_TOKEN: 'operator-token-of-the-trace-test',
  ARK_API_KEY: 'sk-trace0ark1key2of3the4video5provider6',
}
const PROMPT = 'a prompt that no collector should get'
const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const REPORT = 'POST /api/fangzhouVideoGeneration/reportFangzhouVideoResult'

const folder = mkdtempSync(join(tmpdir(), 'traces-'))
const crashes: Error[] = []
let receiver: OTLPReceiver
let stack: Stack
let taskId: string
let spans: ReceivedSpan[]

beforeAll(async () => {
  receiver = await startOTLPReceiver()
  const [ark, images] = [await freePort(), await freePort()]
  stack = await Stack.create({
    folder,
    simulatorPorts: { ark, images },
    temporal: { headless: true },
    env: {
      TEMPORAL_ADDRESS: undefined,
      DATABASE_URL: undefined,
      CONFIG_MODE: 'local',
      ...SECRETS,
      ...receiver.env,
      // With a key configured the simulator is reached as a provider would be.
      ARK_BASE_URL: `http://127.0.0.1:${ark}/api/v3`,
      ARK_MODEL: 'video-model',
      ARK_FIRST_POLL_SECONDS: '3',
    },
    onCrash: (error) => crashes.push(error),
  })
  await Promise.all([stack.startServices(), createDataDir(join(folder, 'main'))])
  await stack.startApplication()
  const faults = { failAtFinish: 1, echoKey: '50%', readFail: 1 }
  await post(`http://127.0.0.1:${ark}/__simulator/faults`, faults)
  const request = { prompt: PROMPT, duration: 5 }
  const headers = { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` }
  taskId = (await post(`${stack.mainUrl}/api/video/generate`, request, headers)).taskId
  const tasks = new TaskClient(stack.mainUrl)
  await eventually(async () => expect((await tasks.read('video', taskId)).status).toBe('completed'), 120_000)
  await stack.stop()
  spans = receiver.spans.filter(({ traceId }) => traceId === CALLER.traceId)
}, 300_000)
afterAll(async () => {
  await stack?.stop()
  await receiver.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(crashes).toEqual([])
})

async function post(url: string, body: object, headers = {}) {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return response.json()
}

/** A span's name, with those of its parents, from the first one on. */
function path(span: ReceivedSpan): string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)
  return [...(parent ? path(parent) : [span.parentSpanId ?? '']), span.name]
}
const under = (...names: string[]) => spans.filter((span) => names.every((name) => path(span).includes(name)))
const all = (name: string) => spans.filter((span) => span.name === name)

const CREATE = [CALLER.spanId, 'POST /api/video/generate']
const START = [...CREATE, 'claim fangzhouVideoGeneration', 'start fangzhouVideoGeneration']
const RUN = [...START, 'RunWorkflow:videoPollingWorkflow']
const activity = (name: string) => [...RUN, `RunActivity:${name}`]

describe('a video whose first attempt fails', () => {
  it.each<[what: string, names: string[], times: number]>([
    ['is asked for within its caller’s trace', CREATE, 1],
    ['is claimed and started, twice', START, 2],
    ['runs, twice', RUN, 2],
    ['begins at main', [...RUN, 'report begin', REPORT], 2],
    ['is created at the provider', [...activity('create'), 'create fangzhouVideoGeneration'], 2],
    ['is stored', [...activity('storeResult'), 'store video'], 1],
    ['is reported as failed', [...RUN, 'report failed', REPORT], 1],
    ['is reported as completed', [...RUN, 'report completed', REPORT], 1],
  ])('%s', (_what, names, times) => {
    expect(spans.filter((span) => path(span).join(' > ') === names.join(' > '))).toHaveLength(times)
  })

  it('has one trace, of both components, without a span whose parent is missing', () => {
    expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(['async-task-main', 'async-task-daemon']))
    const orphans = spans.filter((span) => path(span)[0] !== CALLER.spanId)
    expect(orphans.map(path)).toEqual([])
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
  })

  it('links its second attempt to the first', () => {
    const [first, second] = all('claim fangzhouVideoGeneration')
    expect(first?.links).toEqual([])
    expect(second?.links).toMatchObject([{ traceId: CALLER.traceId, spanId: first?.spanId }])
    expect([first, second].map((claim) => claim?.attributes['asynctask.attempt'])).toEqual([1, 2])
  })

  it('names the task in each of the daemon’s spans, and says what the provider answered', () => {
    for (const { name, service, attributes } of spans) {
      if (service !== 'async-task-daemon') continue
      expect([name, attributes]).toEqual([name, expect.objectContaining({ 'asynctask.task': taskId })])
    }
    const polls = all('read fangzhouVideoGeneration').map(({ attributes }) => attributes)
    const answered = (status: number, retries: number) =>
      expect.objectContaining({ 'http.response.status_code': status, 'asynctask.retries': retries })
    expect(polls).toContainEqual(answered(500, 0))
    expect(polls).toContainEqual(answered(200, 1))
    expect(under('RunActivity:storeResult', 'store video')[0]?.attributes).toMatchObject({
      'asynctask.artifact.type': 'video/mp4',
    })
  })

  it('tells of transactions in the requests that they are of', () => {
    const transactions = (name: string) =>
      all(name).map(({ events }) =>
        events.map((event) => event.name).filter((event) => event.startsWith('transaction ')),
      )
    expect(transactions('POST /api/video/generate')).toEqual([[expect.stringMatching(/:create$/)]])
    const reports = transactions(REPORT)
    expect(reports.length).toBeGreaterThan(3)
    for (const ofOne of reports) expect(ofOne).toHaveLength(1)
  })

  it('tells the collector neither secrets nor what users and providers wrote', () => {
    const sent = receiver.bodies.map(({ bytes }) => bytes.toString()).join('\n')
    expect(sent).toContain(taskId)
    for (const secret of [...Object.values(SECRETS), PROMPT, 'Bearer', '?']) expect(sent).not.toContain(secret)
  })

  it('has its id in the lines of both logs', async () => {
    for (const name of ['main', 'async-task']) {
      const lines = (await readFile(stack.logFile(name), 'utf8')).split('\n').filter((line) => line.includes(taskId))
      const about = lines.map((line) => JSON.parse(line) as { msg: string; traceId?: string })
      expect(about.length).toBeGreaterThan(1)
      for (const { msg, traceId } of about) expect([name, msg, traceId]).toEqual([name, msg, CALLER.traceId])
    }
  })
})
