/** Providers that repeat the key in every answer: nothing of it gets to Temporal, or to main. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WorkflowHandle } from '@temporalio/client'
import { MockActivityEnvironment, type TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createActivities as createImageActivities } from '@/integrations/nanobanana2ImageGeneration/activities/index.js'
import { createTaskActivities } from '@/provider-kit/main-reports.js'
import { readable, SecretScanner } from '@/testing/scanner.js'
import {
  createGeminiSimulator,
  createImageGatewaySimulator,
  type FaultKind,
  type FaultPlan,
} from '@/tools/simulators/index.js'
import { videoRequest, withVideoBench } from '../provider-kit/video-bench.js'
import { createRealEnvironment, type WorkflowBench, withWorkflowBench } from '../provider-kit/workflow-bench.js'

const KEY = 'aZ9/provider+key_half-Q7.x2='
const scanner = new SecretScanner({ KEY, CAPITALS: KEY.toUpperCase(), HEX: Buffer.from(KEY).toString('hex') })
/** The simulator says nothing of an outage. */
const settings = { apiKey: KEY, settleSeconds: 1, requestTimeoutMs: 5000, deadlineSeconds: 30, pollSeconds: 1 }

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createRealEnvironment()
})
afterAll(() => env.teardown())

/** What is kept of the run is free of the key, though the provider has said it. */
async function expectNoKey({ main }: WorkflowBench, handle: WorkflowHandle, faults: FaultKind[]): Promise<void> {
  expect(faults.some((kind) => kind.startsWith('echoKey'))).toBe(true)
  const history = { where: 'the history', text: readable(await handle.fetchHistory()) }
  const reports = { where: 'a report to main', text: JSON.stringify(main.reports) }
  expect((await scanner.scan([history, reports])).found).toEqual([])
}

describe('a video', () => {
  it.each<[string, FaultPlan, object]>([
    [
      'that is made',
      { echoKey: '100%' },
      { outcome: 'completed', result: { model: expect.stringContaining('[key]') } },
    ],
    [
      'that is refused',
      { echoKey: '100%', refuseAtCreate: 1 },
      { error: { message: expect.stringContaining('[key]') } },
    ],
    [
      'that fails in the making',
      { echoKey: '100%', refuseAtFinish: 1 },
      { error: { code: expect.stringContaining('[key]'), message: expect.stringContaining('[key]') } },
    ],
    ['whose answers cannot be read', { echoKey: '100%', acceptThenMalform: 1 }, { outcome: 'completed' }],
    ['with the key in its id and status', { echoKeyEverywhere: '100%' }, { outcome: 'failed' }],
    [
      'that nobody may ask for, with the key in the status',
      { echoKeyEverywhere: '100%', accessDenied: 1 },
      { error: { code: expect.stringContaining('AccessDenied'), message: expect.stringContaining('[key]') } },
    ],
  ])('%s', (_, faults, outcome) =>
    withVideoBench(env, { asProvider: true, firstPollSeconds: 0, ...settings }, async (bench) => {
      bench.ark.faults.set(faults)
      const handle = await bench.start('videoPollingWorkflow', videoRequest)
      expect(await handle.result()).toMatchObject(outcome)
      await expectNoKey(
        bench,
        handle,
        bench.ark.requests.flatMap((request) => request.faults),
      )
    }),
  )
})

describe.each([
  ['openai', () => createImageGatewaySimulator({ latencyMs: 0 })],
  ['gemini', () => createGeminiSimulator({ latencyMs: 0 })],
] as const)('an image by %s', (backend, create) => {
  it.each<[string, FaultPlan, object]>([
    ['that is made', { echoKey: 1 }, { outcome: 'completed', result: { text: expect.stringContaining('[key]') } }],
    [
      'that is refused',
      { echoKeyEverywhere: 1, refuseAtCreate: 1 },
      { error: { message: expect.stringContaining('[key]') } },
    ],
    [
      'that is refused once it is made',
      { echoKeyEverywhere: 1, refuseAtFinish: 1 },
      { error: { code: expect.stringContaining('[key]') } },
    ],
    [
      'that nobody may ask for',
      { echoKeyEverywhere: 1, accessDenied: 1 },
      { error: { message: expect.stringContaining('[key]') } },
    ],
    ['whose provider fails', { echoKey: 1, failBeforeAccept: 1 }, { error: { code: 'create_answer_lost' } }],
  ])('%s', async (_, faults, outcome) => {
    const simulator = create()
    const { url: baseUrl } = await simulator.start()
    const { settleSeconds: _settle, pollSeconds: _poll, ...common } = settings
    const section = { ...common, backend, baseUrl, model: 'the-model', simulatorUrl: baseUrl }
    const integrations = { nanobanana2ImageGeneration: section }
    const options = { folder: 'nanobanana2ImageGeneration', createActivities: createImageActivities, integrations }
    try {
      await withWorkflowBench(env, options, async (bench) => {
        simulator.faults.set(faults)
        const handle = await bench.start('imageGenerationWorkflow', { prompt: 'A lighthouse in fog' })
        expect(await handle.result()).toMatchObject(outcome)
        await expectNoKey(
          bench,
          handle,
          simulator.requests.flatMap((request) => request.faults),
        )
      })
    } finally {
      await simulator.stop()
    }
  })
})

it('a proxy before main that repeats the token, cut off where messages end, tells nothing of it', async () => {
  const token = 'tIk/8vQ+internal.token~Zr5w='
  const proxy = createServer((_request, response) => response.writeHead(502).end(`${'.'.repeat(490)}${token}`))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const mainUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const { beginAttempt } = createTaskActivities({ mainUrl, internalToken: token })
  const report = { apiCallId: '1', taskKey: 'k7Qx2', attempt: 1, runId: 'run-1', status: 'begin' } as const
  try {
    const begun = new MockActivityEnvironment().run(beginAttempt, `${mainUrl}/api/x/report`, {
      ...report,
      createIntent: true,
    })
    const said = await begun.then(String, (error: Error) => error.message)
    expect(said).toContain('[key]')
    expect(said).not.toContain(token.slice(0, 5))
  } finally {
    proxy.close()
  }
})
