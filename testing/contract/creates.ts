/** What has to hold from a task's begin until its provider has answered the create. */
import { Worker } from '@temporalio/worker'
import { expect } from 'vitest'
import type { FaultKind } from '../../simulator/index.js'
import { scheduledIn } from '../definition-workers.js'
import { nextAttempt } from '../recording-main.js'
import { done, forEachFault, once } from './faults.js'
import type { Traits } from './traits.js'
import type { Check, Tested } from './world.js'

const LOST = { outcome: 'failed', error: { code: 'create_answer_lost' } }

export function results({ definition, options }: Traits): Check[] {
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

export function notNow(traits: Traits): Check[] {
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

export function lostAnswers(traits: Traits): Check[] {
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
