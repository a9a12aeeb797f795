/** What an attempt's run reports of its cost: with its outcome, for each create that it has learned something of. */
import { describe, expect, it } from 'vitest'
import type { RunReport } from '@/protocol/index.js'
import { integrationBench, nextAttempt } from '@/testing/index.js'
import { polledSpeech, speechAtOnce } from './speech.js'
import { createSpeechAtOnceSimulator, createSpeechSimulator, MP3 } from './speech-simulator.js'

const request = { text: 'one two three' }
const section = { requestTimeoutMs: 2000, settleSeconds: 1 }
const speech = integrationBench(polledSpeech, { createSimulator: createSpeechSimulator, section })
const atOnce = integrationBench(speechAtOnce, { createSimulator: createSpeechAtOnceSimulator })

const used = { milliseconds: 2000 }
const last = (reports: readonly RunReport[]) => {
  const report = reports.at(-1)
  return { status: report?.status, usage: report && 'usage' in report ? report.usage : undefined }
}

describe('of a provider that is polled', () => {
  it('is what its task has used; nothing, if it failed', () =>
    speech(async ({ run, provider, main }) => {
      expect(await run(request)).toMatchObject({ outcome: 'completed', usage: [{ attempt: 1, units: used }] })
      expect(last(main.reports)).toEqual({ status: 'completed', usage: [{ attempt: 1, units: used }] })
      provider.faults.set({ failAtFinish: 1 })
      main.state = nextAttempt({ providerTask: null, openIntents: [] })
      await run(request, 2)
      expect(last(main.reports)).toEqual({ status: 'failed', usage: [{ attempt: 2, units: {} }] })
    }))

  it('is for the attempt that asked: its task is resumed, or known not to be there', () =>
    speech(async ({ run, provider, main }) => {
      provider.faults.set({ acceptThenReset: 1 })
      await run(request)
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      await run(request, 2)
      expect(last(main.reports)).toEqual({ status: 'completed', usage: [{ attempt: 1, units: used }] })
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 2, at: 0 }] }, 2)
      await run(request, 3)
      const usage = [
        { attempt: 2, units: {} },
        { attempt: 3, units: used },
      ]
      expect(last(main.reports)).toEqual({ status: 'completed', usage })
    }))

  it('is left out for a main of an earlier version, which does not accept it: the result is not lost', () =>
    speech(async ({ run, main }) => {
      // What comes next is the outcome.
      main.onReport = ({ status }) => {
        if (status === 'processing') main.failWith = [400]
      }
      expect(await run(request)).toMatchObject({ outcome: 'completed' })
      expect(last(main.reports)).toEqual({ status: 'completed', usage: undefined })
      expect(main.reports.filter(({ status }) => status === 'completed')).toHaveLength(1)
    }))
})

describe('of one that answers at once', () => {
  it('is what its answer has used, and is no part of the result', () =>
    atOnce(async ({ run, main }) => {
      const outcome = await run(request)
      expect(outcome).toMatchObject({ outcome: 'completed', usage: [{ attempt: 1, units: { bytes: MP3.length } }] })
      expect(Object.keys((outcome as { result: object }).result)).toEqual(['audio'])
      expect(last(main.reports)).toEqual({ status: 'completed', usage: [{ attempt: 1, units: { bytes: MP3.length } }] })
    }))

  it('is unknown if the answer was lost: something may have been made', () =>
    atOnce(async ({ run, provider, main }) => {
      provider.faults.set({ acceptThenReset: 1 })
      await run(request)
      expect(last(main.reports)).toEqual({ status: 'failed', usage: [{ attempt: 1 }] })
    }))
})
