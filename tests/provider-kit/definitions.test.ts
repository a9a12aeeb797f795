/** A definition of each shape, run by the shared workflows beside a small provider with every fault. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type IntegrationBench, withIntegration } from './integration-bench.js'
import { careless, polledSpeech, speechAtOnce, spelling, unlistedSpeech, wordCount } from './speech.js'
import { createSpeechSimulator, MP3 } from './speech-simulator.js'
import { createTimeSkippingEnvironment, nextAttempt } from './workflow-bench.js'

const OWN = new URL('../workflows/fixtures/spelling.ts', import.meta.url).pathname
const request = { text: 'one two three' }

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

type DefinitionBench = Omit<IntegrationBench, 'run' | 'start'> & {
  run(attempt?: number): ReturnType<IntegrationBench['run']>
  start(): ReturnType<IntegrationBench['start']>
}

/** A worker of one definition, whatever application knows it. */
function withDefinition(
  definition: Parameters<typeof withIntegration>[1],
  section: object,
  test: (bench: DefinitionBench) => Promise<void>,
): Promise<void> {
  const hasProvider = definition.shape === 'polled' || definition.shape === 'single'
  const options = {
    section,
    ...(hasProvider && { createSimulator: createSpeechSimulator }),
    ...(definition.shape === 'custom' && { workflowsPath: OWN }),
  }
  return withIntegration(env, definition, options, ({ run, start, ...bench }) =>
    test({ ...bench, run: (attempt) => run(request, attempt), start: () => start(request) }),
  )
}

const stored = { key: 'audio-k7Qx2-1.mp3', mimeType: 'audio/mpeg', bytes: MP3.length }

describe('a provider that is polled', () => {
  const bench = (test: (bench: DefinitionBench) => Promise<void>, section = {}) =>
    withDefinition(polledSpeech, { requestTimeoutMs: 2000, settleSeconds: 5, ...section }, test)

  it('makes what it was asked for once, with its settings and a mark, and the result is kept', () =>
    bench(
      async ({ run, provider, paid, artifactsDir, main }) => {
        expect(await run()).toMatchObject({ outcome: 'completed', result: { audio: stored, seconds: 2 } })
        expect(paid()).toBe(1)
        const [{ method, body } = {}, ...looks] = provider.requests
        expect({ method, looks: looks.map(({ path }) => path.replace(/job-1$/, '…')) }).toEqual({
          method: 'POST',
          looks: ['/v1/speech/…', '/v1/speech/…', '/files/…'],
        })
        expect(body).toEqual({ text: request.text, voice: 'bella', ref: expect.stringMatching(/^task-[0-9a-f]{20}$/) })
        expect((await readFile(join(artifactsDir, stored.key))).equals(MP3)).toBe(true)
        expect(main.reports.map(({ status }) => status)).toEqual(['begin', 'processing', 'completed'])
      },
      { voice: 'bella' },
    ))

  it('looks again for a task that the provider does not know for a moment, and pays once', () =>
    bench(async ({ run, provider, paid }) => {
      provider.faults.set({ vanish: 2 })
      expect(await run()).toMatchObject({ outcome: 'completed', result: { audio: stored } })
      expect(provider.requests.filter(({ faults }) => faults.includes('vanish'))).toHaveLength(2)
      expect(paid()).toBe(1)
    }))

  it.each(['acceptThenReset', 'acceptThenFail', 'acceptThenTruncate', 'acceptThenMalform'] as const)(
    'pays once where the answer is lost by %s',
    (fault) =>
      bench(async ({ run, provider, paid }) => {
        provider.faults.set({ [fault]: 1 })
        expect(await run()).toMatchObject({ outcome: 'completed' })
        expect(paid()).toBe(1)
      }),
  )

  it('asks again where nothing was made: after "not now", and after a lost answer that the list does not know', () =>
    bench(async ({ run, provider, paid }) => {
      provider.faults.set({ rateLimited: 1, overloaded: 1, failBeforeAccept: 1 })
      expect(await run()).toMatchObject({ outcome: 'completed' })
      expect(paid()).toBe(1)
    }))

  it('goes on with what an earlier attempt had made', () =>
    bench(async ({ run, provider, paid, main }) => {
      provider.faults.set({ acceptThenReset: 1 })
      await run()
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      expect(await run(2)).toMatchObject({ outcome: 'completed', attempt: 2 })
      expect(paid()).toBe(1)
    }))

  it.each([
    ['refuseAtCreate', { code: 'moderation' }, false],
    ['accessDenied', { code: 'invalid_key' }, false],
    ['refuseAtFinish', { code: 'moderation', message: 'It ended' }, false],
    ['failAtFinish', { code: 'internal', message: 'It ended' }, true],
  ] as const)(
    '%s is told by the table, and whether another attempt may fare better: %j, %s',
    (fault, error, retryable) =>
      bench(async ({ run, provider }) => {
        provider.faults.set({ [fault]: 1 })
        expect(await run()).toMatchObject({ outcome: 'failed', error, retryable, providerEnded: true })
      }),
  )

  it.each([
    [1, { outcome: 'completed' }],
    ['100%', { outcome: 'failed', error: { code: 'provider_task_gone' } }],
  ] as const)('is believed to know a task no more only where it says so for a while: %s', (vanish, outcome) =>
    bench(async ({ run, provider, paid }) => {
      provider.faults.set({ vanish })
      expect(await run()).toMatchObject(outcome)
      expect(paid()).toBe(1)
    }),
  )

  it('is asked for the link again where it has expired', () =>
    bench(async ({ run, provider }) => {
      provider.faults.set({ linkExpired: 1, downloadTruncate: 1 })
      expect(await run()).toMatchObject({ outcome: 'completed', result: { audio: stored } })
    }))
})

describe('an author who sees to nothing after the provider has accepted', () => {
  it.each(['a look that is refused for now', 'a mistake of the code', 'an id that is none'])(
    'pays once: %s',
    (trouble) =>
      withDefinition(careless, { settleSeconds: 5, trouble }, async ({ run, provider, paid }) => {
        provider.faults.set({ readRateLimited: 1 })
        expect(await run()).toMatchObject({ outcome: 'completed' })
        expect(paid()).toBe(1)
      }),
  )
})

describe('a provider that is polled and lists nothing', () => {
  it('is not paid twice, in any attempt', () =>
    withDefinition(unlistedSpeech, {}, async ({ run, provider, paid, main }) => {
      provider.faults.set({ acceptThenReset: 1 })
      const lost = { outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: false }
      expect(await run()).toMatchObject(lost)
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      expect(await run(2)).toMatchObject(lost)
      expect(paid()).toBe(1)
    }))

  it('is, where the configuration accepts that', () =>
    withDefinition(unlistedSpeech, { onAmbiguousCreate: 'retry' }, async ({ run, provider, paid }) => {
      provider.faults.set({ acceptThenReset: 1 })
      expect(await run()).toMatchObject({ outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: true })
      expect(paid()).toBe(1)
    }))
})

describe('a provider that answers one request', () => {
  const bench = (test: (bench: DefinitionBench) => Promise<void>) => withDefinition(speechAtOnce, {}, test)

  it('makes it once, of what was prepared, and the bytes are kept as what they are', () =>
    bench(async ({ run, provider, paid }) => {
      expect(await run()).toMatchObject({ outcome: 'completed', result: { audio: stored } })
      expect(paid()).toBe(1)
      expect(provider.requests[0]?.body).toMatchObject({ text: 'ONE TWO THREE' })
    }))

  it('waits while it takes no more, and is not paid twice where its answer is lost', () =>
    bench(async ({ run, provider, paid }) => {
      provider.faults.set({ rateLimited: 2, acceptThenTruncate: 1 })
      expect(await run()).toMatchObject({ outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: false })
      expect(paid()).toBe(1)
      expect(provider.requests).toHaveLength(3)
    }))
})

it('work without a provider keeps what it makes too, of whatever type', () =>
  withDefinition(wordCount, {}, async ({ start, activitiesOf, main }) => {
    const handle = await start()
    const report = { key: 'report-k7Qx2-1.json', mimeType: 'application/json' }
    expect(await handle.result()).toMatchObject({ outcome: 'completed', result: { words: 3, report } })
    expect(await activitiesOf(handle)).toEqual(['beginAttempt', 'reportAttempt', 'work', 'reportAttempt'])
    expect(main.reports[0]).toMatchObject({ status: 'begin', createIntent: false })
  }))

it('a workflow of one’s own has activities that are given the settings', () =>
  withDefinition(spelling, { upper: false }, async ({ run }) => {
    expect(await run()).toMatchObject({ outcome: 'completed', result: { letters: [...request.text] } })
  }))
