/** A definition of each shape, run by the shared workflows beside a small provider with every fault. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { integrationBench, nextAttempt } from '@/testing/index.js'
import { careless, polledSpeech, speechAtOnce, spelling, unlistedSpeech, wordCount } from './speech.js'
import { createSpeechAtOnceSimulator, createSpeechSimulator, MP3 } from './speech-simulator.js'

const request = { text: 'one two three' }

const createSimulator = createSpeechSimulator
const speech = integrationBench(polledSpeech, {
  createSimulator,
  section: { requestTimeoutMs: 2000, settleSeconds: 5 },
})
const carelessSpeech = integrationBench(careless, { createSimulator, section: { settleSeconds: 5, trouble: 'none' } })
const unlisted = integrationBench(unlistedSpeech, { createSimulator })
const atOnce = integrationBench(speechAtOnce, { createSimulator: createSpeechAtOnceSimulator })
const counting = integrationBench(wordCount)
const ownWorkflows = integrationBench(spelling, {
  workflows: new URL('../workflows/fixtures/spelling.ts', import.meta.url),
})

const stored = { key: 'audio-k7Qx2-1.mp3', mimeType: 'audio/mpeg', bytes: MP3.length }

describe('a provider that is polled', () => {
  it('makes what it was asked for once, with its settings and a mark, and the result is kept', () =>
    speech(
      async ({ run, provider, paid, artifactsDir, main }) => {
        expect(await run(request)).toMatchObject({ outcome: 'completed', result: { audio: stored, seconds: 2 } })
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
    speech(async ({ run, provider, paid }) => {
      provider.faults.set({ readMissing: 2 })
      expect(await run(request)).toMatchObject({ outcome: 'completed', result: { audio: stored } })
      expect(provider.requests.filter(({ faults }) => faults.includes('readMissing'))).toHaveLength(2)
      expect(paid()).toBe(1)
    }))

  it.each(['acceptThenReset', 'acceptThenFail', 'acceptThenTruncate', 'acceptThenMalform'] as const)(
    'pays once where the answer is lost by %s',
    (fault) =>
      speech(async ({ run, provider, paid }) => {
        provider.faults.set({ [fault]: 1 })
        expect(await run(request)).toMatchObject({ outcome: 'completed' })
        expect(paid()).toBe(1)
      }),
  )

  it('asks again where nothing was made: after "not now", and after a lost answer that the list does not know', () =>
    speech(async ({ run, provider, paid }) => {
      provider.faults.set({ rateLimited: 1, overloaded: 1, failBeforeAccept: 1 })
      expect(await run(request)).toMatchObject({ outcome: 'completed' })
      expect(paid()).toBe(1)
    }))

  it('goes on with what an earlier attempt had made', () =>
    speech(async ({ run, provider, paid, main }) => {
      provider.faults.set({ acceptThenReset: 1 })
      await run(request)
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      expect(await run(request, 2)).toMatchObject({ outcome: 'completed', attempt: 2 })
      expect(paid()).toBe(1)
    }))

  it.each([
    ['refuseAtCreate', { code: 'moderation' }, false],
    ['accessDenied', { code: 'invalid_key' }, false],
    ['refuseAtFinish', { code: 'moderation', message: 'It ended so, as it was told to' }, false],
    ['failAtFinish', { code: 'internal', message: 'It ended so, as it was told to' }, true],
  ] as const)(
    '%s is told by the table, and whether another attempt may fare better: %j, %s',
    (fault, error, retryable) =>
      speech(async ({ run, provider }) => {
        provider.faults.set({ [fault]: 1 })
        expect(await run(request)).toMatchObject({ outcome: 'failed', error, retryable, providerEnded: true })
      }),
  )

  it.each([
    ['readMissing', { outcome: 'completed' }],
    ['vanish', { outcome: 'failed', error: { code: 'provider_task_gone' } }],
  ] as const)('is believed to know a task no more only where it says so for a while: %s', (fault, outcome) =>
    speech(async ({ run, provider, paid }) => {
      provider.faults.set({ [fault]: 1 })
      expect(await run(request)).toMatchObject(outcome)
      expect(paid()).toBe(1)
    }),
  )

  it('is asked for the link again where it has expired', () =>
    speech(async ({ run, provider }) => {
      provider.faults.set({ linkExpired: 1, downloadTruncate: 1 })
      expect(await run(request)).toMatchObject({ outcome: 'completed', result: { audio: stored } })
    }))
})

describe('an author who sees to nothing after the provider has accepted', () => {
  it.each(['a look that is refused for now', 'a mistake of the code', 'an id that is none'])(
    'pays once: %s',
    (trouble) =>
      carelessSpeech(
        async ({ run, provider, paid }) => {
          provider.faults.set({ readRateLimited: 1 })
          expect(await run(request)).toMatchObject({ outcome: 'completed' })
          expect(paid()).toBe(1)
        },
        { trouble },
      ),
  )
})

describe('a provider that is polled and lists nothing', () => {
  it('is not paid twice, in any attempt', () =>
    unlisted(async ({ run, provider, paid, main }) => {
      provider.faults.set({ acceptThenReset: 1 })
      const lost = { outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: false }
      expect(await run(request)).toMatchObject(lost)
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      expect(await run(request, 2)).toMatchObject(lost)
      expect(paid()).toBe(1)
    }))

  it('is, where the configuration accepts that', () =>
    unlisted(
      async ({ run, provider, paid }) => {
        provider.faults.set({ acceptThenReset: 1 })
        expect(await run(request)).toMatchObject({
          outcome: 'failed',
          error: { code: 'create_answer_lost' },
          retryable: true,
        })
        expect(paid()).toBe(1)
      },
      { onAmbiguousCreate: 'retry' },
    ))
})

describe('a provider that answers one request', () => {
  it('makes it once, of what was prepared, and the bytes are kept as what they are', () =>
    atOnce(async ({ run, provider, paid }) => {
      expect(await run(request)).toMatchObject({ outcome: 'completed', result: { audio: stored } })
      expect(paid()).toBe(1)
      expect(provider.requests[0]?.body).toMatchObject({ text: 'ONE TWO THREE' })
    }))

  it('waits while it takes no more, and is not paid twice where its answer is lost', () =>
    atOnce(async ({ run, provider, paid }) => {
      provider.faults.set({ rateLimited: 2, acceptThenTruncate: 1 })
      expect(await run(request)).toMatchObject({
        outcome: 'failed',
        error: { code: 'create_answer_lost' },
        retryable: false,
      })
      expect(paid()).toBe(1)
      expect(provider.requests).toHaveLength(3)
    }))
})

it('work without a provider keeps what it makes too, of whatever type', () =>
  counting(async ({ start, activitiesOf, main }) => {
    const handle = await start(request)
    const report = { key: 'report-k7Qx2-1.json', mimeType: 'application/json' }
    expect(await handle.result()).toMatchObject({ outcome: 'completed', result: { words: 3, report } })
    expect(await activitiesOf(handle)).toEqual(['beginAttempt', 'reportAttempt', 'work', 'reportAttempt'])
    expect(main.reports[0]).toMatchObject({ status: 'begin', createIntent: false })
  }))

it('a workflow of one’s own has activities that are given the settings', () =>
  ownWorkflows(
    async ({ run }) => {
      expect(await run(request)).toMatchObject({ outcome: 'completed', result: { letters: [...request.text] } })
    },
    { upper: false },
  ))
