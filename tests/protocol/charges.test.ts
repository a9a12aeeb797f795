/** What attempts cost: each create once, as the provider says, however late and to whichever attempt. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAmount, spellAmount } from '@/lib/money.js'
import { type Prices, priced } from '@/protocol/charges.js'
import { decide, evolve, initialTaskState, type TaskRequest, type TaskState } from '@/protocol/index.js'
import { asked, begin, cancel, claim, completed, failed, policy, processing, RUN } from './support.js'

const prices: Prices = {
  currency: 'USD',
  create: 500,
  units: { tokens: { price: 15, per: 1 }, seconds: { price: 1, per: 3 } },
}

/** Carries requests out a minute apart; gives what is charged for each attempt then. */
function charged(...requests: TaskRequest[]): Record<string, unknown> {
  return shown(reached(requests))
}

function reached(requests: TaskRequest[], policyNow: typeof policy = { ...policy, prices }): TaskState {
  let now = 0
  return requests.reduce((state, request) => {
    now += 7200
    const context = { taskKey: 'key', now, newToken: `token-${now}`, random: 0.5, policy: policyNow }
    const { events, answer } = decide(state, request, context)
    if (!answer.ok) throw new Error(answer.error)
    return events.reduce(evolve, state)
  }, initialTaskState(5))
}

function shown({ charges = {} }: TaskState) {
  return Object.fromEntries(Object.values(charges).map(({ attempt, amount, basis }) => [attempt, [amount, basis]]))
}

const used = (attempt: number, units?: Record<string, number>) => ({ attempt, ...(units && { units }) })
const lost: TaskRequest = { ...failed(1), error: { code: 'workflow_lost', message: 'gone' } }

describe('is charged', () => {
  it('as the provider says what was used', () => {
    const done = { ...completed(), usage: [used(1, { tokens: 1200, seconds: 4 })] }
    expect(charged(claim, begin(), processing(), done)).toEqual({ 1: [18_001, 'usage'] })
  })

  it('the price of a create if it does not say, or says nothing that has a price', () => {
    expect(charged(claim, begin(), processing(), completed())).toEqual({ 1: [500, 'create'] })
    const done = { ...completed(), usage: [used(1, { images: 1 })] }
    expect(charged(claim, begin(), processing(), done)).toEqual({ 1: [500, 'create'] })
  })

  it('the price of a create for an answer to a single request', () => {
    expect(charged(claim, begin(), asked(), completed())).toEqual({ 1: [500, 'create'] })
  })

  it('nothing for work that creates nothing, nor where the provider charges nothing', () => {
    expect(charged(claim, { ...begin(), createIntent: false }, asked(), completed())).toEqual({})
    const ended = { ...failed(), providerEnded: true, usage: [used(1, {})] }
    expect(charged(claim, begin(), processing(), ended)).toEqual({ 1: [0, 'usage'] })
    expect(charged(claim, begin(), { ...failed(), providerEnded: true })).toEqual({})
  })

  it('a failed attempt that has created something, and what it used once it is known, for the attempt that asked', () => {
    expect(charged(claim, begin(), processing(), lost)).toEqual({ 1: [500, 'create'] })
    const second = { ...processing(2), providerTask: { id: 'cgt-1', attempt: 1 } }
    const done = { ...completed(2), usage: [used(1, { tokens: 100 })] }
    const requests = [claim, begin(), processing(), lost, claim, begin(2), second, done]
    expect(charged(...requests)).toEqual({ 1: [1500, 'usage'] })
    // It counts for the day on which it was counted first.
    expect(reached(requests).charges?.[1]?.at).toBe(4 * 7200)
  })

  it('ambiguous, apart: a create whose answer was lost, until it is found or known not to be there', () => {
    expect(charged(claim, begin(), lost)).toEqual({ 1: [500, 'ambiguous'] })
    const again = [claim, begin(), lost, claim, begin(2)]
    const found = { ...processing(2), providerTask: { id: 'cgt-1', attempt: 1 } }
    expect(charged(...again, found, completed(2))).toEqual({ 1: [500, 'create'] })
    const nothing = { ...completed(2), usage: [used(1, {}), used(2, { tokens: 2 })] }
    expect(charged(...again, processing(2), nothing)).toEqual({ 1: [0, 'usage'], 2: [30, 'usage'] })
    expect(charged(claim, begin(), { ...failed(1, RUN, false), providerEnded: true, usage: [used(1)] })).toEqual({
      1: [500, 'ambiguous'],
    })
  })

  it('a cancelled task: what it had created, or may have', () => {
    expect(charged(claim, begin(), processing(), cancel)).toEqual({ 1: [500, 'create'] })
    expect(charged(claim, begin(), cancel)).toEqual({ 1: [500, 'ambiguous'] })
    expect(charged(cancel)).toEqual({})
  })

  it('nothing without prices: nobody knows', () => {
    expect(reached([claim, begin(), processing(), completed()], policy).charges).toBeUndefined()
  })
})

it('amounts are exact: units are rounded once each, to the nearest micro-unit', () => {
  fc.assert(
    fc.property(
      fc.nat(1e9),
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 1, max: 1e7 }),
      (count, price, per) => {
        const { amount } = priced({ of: count }, { currency: 'USD', create: 1, units: { of: { price, per } } })
        const doubled = 2n * BigInt(count) * BigInt(price)
        const error = 2n * BigInt(amount) * BigInt(per) - doubled
        expect(error <= BigInt(per) && error > -BigInt(per)).toBe(true)
      },
    ),
  )
})

it('no amount is larger than what can be summed exactly', () => {
  const dear = { currency: 'USD', create: 1, units: { of: { price: 1e12, per: 1 } } }
  expect(priced({ of: 1e12 }, dear)).toEqual({ amount: 1e15, basis: 'usage' })
})

it('amounts are read and spelled without floats', () => {
  expect(['0.04', '0.000001', '12', '999999999.999999'].map(parseAmount)).toEqual([
    40_000, 1, 12e6, 999_999_999_999_999,
  ])
  expect(['', '.5', '1e3', '-1', '0.0000001', '01', '1,5', '1.'].map(parseAmount)).toEqual(Array(8).fill(undefined))
  expect([40_000, 1, 12e6, -1_500_000, 0].map(spellAmount)).toEqual(['0.04', '0.000001', '12.00', '-1.50', '0.00'])
})
