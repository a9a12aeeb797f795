/** What has to hold once a provider has accepted a task: looks, ends, files, deadlines, and keys in its answers. */
import { expect } from 'vitest'
import type { FaultKind } from '../../simulator/index.js'
import { nextAttempt } from '../recording-main.js'
import { done, forEachFault, once } from './faults.js'
import { type Traits, tookBack } from './traits.js'
import { type Check, KEY } from './world.js'

const FAILED_FOR_GOOD = { outcome: 'failed', retryable: false, providerEnded: true }

export function reads(traits: Traits): Check[] {
  const group = 'a look at the task'
  const failing = ['readRateLimited', 'readFail', 'readReset', 'readHang', 'readTruncate', 'readMalform'] as const
  return [
    ...forEachFault(traits, group, failing, (kind) => ({
      name: `that fails tells nothing of it: ${kind}`,
      test: once(kind, done),
    })),
    ...forEachFault(traits, group, ['readSlow'], (kind) => ({ name: `may be slow: ${kind}`, test: once(kind, done) })),
    ...forEachFault(traits, group, ['readMissing'], (kind) => ({
      name: `that does not find it is repeated: ${kind}`,
      test: once(kind, done),
    })),
    ...forEachFault(traits, group, ['vanish'], (kind) => ({
      name: `that never finds it again leaves the rest to an operator: ${kind}`,
      test: once(kind, async ({ run, paid }) => {
        const gone = { ...FAILED_FOR_GOOD, error: { code: 'provider_task_gone' } }
        expect(await run()).toMatchObject(gone)
        expect(paid()).toBe(1)
      }),
    })),
  ]
}

export function endings(traits: Traits): Check[] {
  const group = 'a task that the provider'
  const isPolled = traits.definition.shape === 'polled'
  return [
    ...forEachFault(traits, group, ['refuseAtCreate'], (kind) => ({
      name: `refuses fails for good, with nothing spent: ${kind}`,
      test: once(kind, async ({ run, paid, main }) => {
        expect(await run()).toMatchObject(FAILED_FOR_GOOD)
        expect(paid()).toBe(0)
        expect(main.state.openIntents).toEqual([])
      }),
    })),
    ...forEachFault(traits, group, ['refuseAtFinish'], (kind) => ({
      name: `refuses when it is made fails for good: ${kind}`,
      test: once(kind, async ({ run }) => {
        expect(await run()).toMatchObject(FAILED_FOR_GOOD)
      }),
    })),
    ...forEachFault(traits, group, ['failAtFinish', 'expire', 'cancel'], (kind) => ({
      name: `ends otherwise fails, and says why: ${kind}`,
      test: once(kind, async ({ run }) => {
        const error = { code: expect.stringMatching(/./), message: expect.stringMatching(/./) }
        expect(await run()).toMatchObject({ outcome: 'failed', error, ...(isPolled && { providerEnded: true }) })
      }),
    })),
  ]
}

export function downloads(traits: Traits): Check[] {
  const kinds: FaultKind[] = ['linkExpired', 'fileGone', 'downloadTruncate']
  // What answers at once is given 20 s: too long to wait for here.
  if (traits.definition.shape === 'polled') kinds.push('downloadHang')
  return forEachFault(traits, 'a file that was made', kinds, (kind) => ({
    name: `is fetched again, and kept whole: ${kind}`,
    async test(tested) {
      tested.provider.faults.set({ [kind]: 1 })
      await done(tested)
      // What an answer holds itself is not fetched.
      const isFetched = tested.provider.requests.some(({ method }) => method === 'GET')
      expect(isFetched && tested.provider.faults.plan, 'faults that have not happened').not.toHaveProperty(kind)
    },
  }))
}

export function deadlines({ definition }: Traits): Check[] {
  return [
    {
      group: 'a task that is not finished by the deadline',
      name: 'is resumed by the next attempt, unless it was taken back',
      section: { deadlineSeconds: 60 },
      simulator: { latencyMs: 3600_000 },
      maxPaid: 2,
      async test({ run, main, provider, paid }) {
        const late = { outcome: 'failed', error: { code: 'deadline_exceeded' }, retryable: true }
        const outcome = await run()
        expect(outcome).toMatchObject(late)
        const isTakenBack = 'providerEnded' in outcome && outcome.providerEnded === true
        expect(isTakenBack && !tookBack(provider.requests), 'said to be taken back, and was not').toBe(false)
        if (isTakenBack) expect(definition.asked.polled?.cancel).toBeDefined()
        main.state = nextAttempt(main.state)
        expect(await run(2)).toMatchObject(late)
        expect(paid()).toBe(isTakenBack ? 2 : 1)
      },
    },
  ]
}

export function secrets({ kinds }: Traits): Check[] {
  if (!kinds.includes('echoKey')) return []
  const answersJson = kinds.includes('acceptThenMalform')
  const faults: Array<Partial<Record<FaultKind, number | `${number}%`>>> = [
    { echoKey: '100%' },
    ...(['refuseAtCreate', 'failBeforeAccept', 'refuseAtFinish'] as const).map((kind) => ({
      echoKey: '100%' as const,
      [kind]: 1,
    })),
    { echoKeyEverywhere: '100%', accessDenied: 1 },
  ]
  return faults
    .filter((plan) => Object.keys(plan).every((kind) => kinds.includes(kind as FaultKind)))
    .map((plan) => ({
      group: 'a provider that repeats the key in its answers',
      name: `gets it into no history, report, result, log or file: ${Object.keys(plan).join(' and ')}`,
      section: { deadlineSeconds: 60 },
      async test({ run, provider }) {
        provider.faults.set(plan)
        await run()
        const repeats = provider.requests.some(({ faults }) => faults.some((kind) => kind.startsWith('echo')))
        expect(repeats || !answersJson, 'whether the key was repeated').toBe(true)
        expect(JSON.stringify(provider.requests)).not.toContain(KEY)
      },
    }))
}
