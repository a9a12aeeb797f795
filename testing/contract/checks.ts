/** What has to hold for any definition, by its shape and by the faults that its simulator has. */
import { Worker } from '@temporalio/worker'
import { expect } from 'vitest'
import type { FaultKind } from '../../simulator/index.js'
import { scheduledIn } from '../definition-workers.js'
import { nextAttempt } from '../recording-main.js'
import { cancellations } from './cancellations.js'
import { deaths } from './deaths.js'
import { type Traits, tookBack } from './traits.js'
import { type Check, KEY, type Tested } from './world.js'

export function checksOf(traits: Traits): Check[] {
  const of = (hold: boolean, checks: (traits: Traits) => Check[]) => (hold ? checks(traits) : [])
  const isPolled = traits.definition.shape === 'polled'
  return [
    ...results(traits),
    ...of(traits.hasProvider, notNow),
    ...of(traits.hasProvider, lostAnswers),
    ...of(isPolled, reads),
    ...of(traits.hasProvider, endings),
    ...of(traits.hasProvider, downloads),
    ...of(isPolled, deadlines),
    ...of(traits.hasProvider, secrets),
    ...deaths(traits),
    ...cancellations(traits),
  ]
}

const HANGING = { requestTimeoutMs: 1000 }
const isHanging = (kind: FaultKind) => /hang/i.test(kind)

/** A check for each of these faults, where the simulator has it. */
function forEachFault(
  { kinds }: Pick<Traits, 'kinds'>,
  group: string,
  faults: readonly FaultKind[],
  check: (kind: FaultKind) => Omit<Check, 'group'>,
): Check[] {
  return faults
    .filter((kind) => kinds.includes(kind))
    .map((kind) => ({ group, ...(isHanging(kind) && { section: HANGING }), ...check(kind) }))
}

const once = (kind: FaultKind, expected: (tested: Tested) => Promise<void>) => async (tested: Tested) => {
  const { faults } = tested.provider
  faults.set({ [kind]: 1 })
  await expected(tested)
  expect(faults.plan, 'faults that have not happened').toEqual({})
}

const done = async (tested: Tested) => {
  await tested.expectDone(await tested.run())
  if (tested.provider) expect(tested.paid()).toBe(1)
}

const FAILED_FOR_GOOD = { outcome: 'failed', retryable: false, providerEnded: true }
const LOST = { outcome: 'failed', error: { code: 'create_answer_lost' } }

function results({ definition, options }: Traits): Check[] {
  const group = 'a task'
  return [
    {
      group,
      name: 'is asked with what the schema takes, and with nothing beside it',
      async test() {
        const request = options.request ?? definition.example
        const schema = definition.requestSchema()
        expect(schema.safeParse(request).error?.issues).toBeUndefined()
        expect(schema.safeParse({ ...request, aFieldThatThereIsNot: 1 }).success).toBe(false)
      },
    },
    {
      group,
      name: 'is done, once: main is told before the provider is asked, and of the result when it is kept',
      async test(tested) {
        const { main, provider } = tested
        const requestsAt: Record<string, number> = {}
        main.onReport = ({ status }) => {
          requestsAt[status] = provider?.requests.length ?? 0
        }
        await done(tested)
        const told = main.reports.map(({ status }) => status)
        const isCustom = definition.shape === 'custom'
        expect(told.filter((status) => !isCustom || status !== 'processing')).toEqual(
          isCustom ? ['begin', 'completed'] : ['begin', 'processing', 'completed'],
        )
        expect(requestsAt.begin).toBe(0)
        expect(requestsAt.completed).toBe(provider?.requests.length ?? 0)
      },
    },
    {
      group,
      name: 'that main does not let begin asks the provider for nothing',
      async test({ run, main, provider }) {
        main.state = { ...main.state, attempts: 1 }
        expect(await run()).toMatchObject({ outcome: 'refused' })
        expect(provider?.requests ?? []).toEqual([])
      },
    },
    {
      group,
      name: 'goes on by its history alone, as a worker of another day would replay it',
      async test({ start, bundle }) {
        const handle = await start()
        await handle.result()
        const { workflowId } = handle
        await Worker.runReplayHistory({ workflowBundle: bundle }, await handle.fetchHistory(), workflowId)
      },
    },
  ]
}

const RETRY_AFTER = 120

function notNow(traits: Traits): Check[] {
  const group = 'a provider that takes no more for now'
  const { polled } = traits.definition.asked
  const create = polled ? 'create' : 'createResult'
  // What an overload means where nobody can look is for the table of errors to say.
  const busy: FaultKind[] = traits.ambiguity === 'find' ? ['overloaded'] : []
  const again = (leastSeconds: number) => async (tested: Tested) => {
    const handle = await tested.start()
    await tested.expectDone(await handle.result())
    const [first, second, ...more] = scheduledIn(await handle.fetchHistory()).filter(({ name }) => name === create)
    expect(more).toEqual([])
    expect(tested.asked(), 'requests, one of each activity').toBe(2)
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(leastSeconds * 1000)
    expect(tested.paid()).toBe(1)
  }
  return [
    ...forEachFault(traits, group, ['rateLimited'], (kind) => ({
      name: `is asked again when it says that it may be: ${kind}`,
      simulator: { retryAfterSeconds: RETRY_AFTER },
      test: once(kind, again(RETRY_AFTER)),
    })),
    ...forEachFault(traits, group, ['rateLimitedWithoutDelay', ...busy], (kind) => ({
      name: `is asked again after a pause: ${kind}`,
      test: once(kind, again(1)),
    })),
    ...forEachFault(traits, group, ['rateLimited'], (kind) => ({
      name: `is given up at the deadline, and nothing is left of it: ${kind} all the time`,
      simulator: { retryAfterSeconds: 600 },
      async test({ provider, run, asked, paid, main }) {
        provider.faults.set({ [kind]: '100%' })
        expect(await run()).toMatchObject({ outcome: 'failed', retryable: true, providerEnded: true })
        expect(asked()).toBeLessThanOrEqual(7)
        expect(paid()).toBe(0)
        expect(main.state.openIntents).toEqual([])
      },
    })),
  ]
}

function lostAnswers(traits: Traits): Check[] {
  const { ambiguity } = traits
  const group = 'a create whose answer is lost'
  const lostForGood = ambiguity === 'fail'
  const foundOrLeft = async (tested: Tested) => {
    if (ambiguity === 'find') return done(tested)
    expect(await tested.run()).toMatchObject({ ...LOST, retryable: !lostForGood })
    expect(tested.asked()).toBe(1)
  }
  return [
    ...forEachFault(traits, group, ['failBeforeAccept', 'resetBeforeAccept', 'hangBeforeAccept'], (kind) => ({
      name: `before it was accepted: ${kind}`,
      test: once(kind, foundOrLeft),
    })),
    ...forEachFault(
      traits,
      group,
      ['acceptThenFail', 'acceptThenReset', 'acceptThenHang', 'acceptThenTruncate', 'acceptThenMalform'],
      (kind) => ({ name: `is paid for once: ${kind}`, test: once(kind, foundOrLeft) }),
    ),
    ...forEachFault(traits, group, ['acceptThenSlow'], (kind) => ({
      name: `is none where it is only slow: ${kind}`,
      test: once(kind, done),
    })),
    ...forEachFault(traits, group, ['acceptThenReset'], () => ({
      name: { find: 'is found by the next attempt', fail: 'is not risked again', retry: 'is risked once an attempt' }[
        ambiguity
      ],
      maxPaid: ambiguity === 'retry' ? 2 : 1,
      async test(tested) {
        const { provider, main, run, asked } = tested
        provider.faults.set({ acceptThenReset: 1 })
        await run()
        main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
        if (lostForGood) expect(await run(2)).toMatchObject({ ...LOST, retryable: false })
        else await tested.expectDone(await run(2))
        expect(asked()).toBe(ambiguity === 'retry' ? 2 : 1)
      },
    })),
  ]
}

function reads(traits: Traits): Check[] {
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

function endings(traits: Traits): Check[] {
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

function downloads(traits: Traits): Check[] {
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

function deadlines({ definition }: Traits): Check[] {
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

function secrets({ kinds }: Traits): Check[] {
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
