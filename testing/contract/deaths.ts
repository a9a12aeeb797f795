/** Workers that die in the middle of an activity; between two, the bench's workers have forgotten all anyway. */
import { expect } from 'vitest'
import type { Traits } from './traits.js'
import type { Check } from './world.js'

/** What nobody can ask about after the worker's death, of a provider that cannot be asked; and what is not repeated. */
const CREATES = ['create', 'createResult']
/** Temporal gives a request up ten seconds later, and on the real server these pass. */
const SOON = { requestTimeoutMs: 1000 }

export function deaths({ definition, ambiguity }: Traits): Check[] {
  const reports = ['beginAttempt', 'reportAttempt', 'reportAttempt']
  const shaped = { polled: ['create', 'poll', 'storeResult'], single: ['createResult'], local: ['work'], custom: [] }
  const activities = [...reports, ...shaped[definition.shape]]
  return activities.map((activity, index) => {
    const nth = activities.slice(0, index + 1).filter((one) => one === activity).length
    const isCreate = CREATES.includes(activity)
    return {
      // What has to pass on the real server does so beside the cancellations.
      group: isCreate ? 'a worker that dies in a create' : 'a worker that dies',
      name: `when ${activity} number ${nth} is done, and nobody knows that yet, is followed by another`,
      ...(isCreate && { server: 'real', section: definition.shape === 'polled' ? { ...SOON, ...POLLING } : SOON }),
      async test(tested) {
        tested.dieAt(activity, nth)
        const outcome = await tested.run()
        if (!isCreate || ambiguity === 'find') return tested.expectDone(outcome)
        const retryable = ambiguity === 'retry'
        expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'create_answer_lost' }, retryable })
        expect(tested.asked()).toBe(1)
      },
    } satisfies Check
  })
}

const POLLING = { firstPollSeconds: 0, pollSeconds: 1 }
