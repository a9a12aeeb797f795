import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { FAULT_KINDS, FAULTS, FaultPlanError, Faults, parseFaultPlan } from '@/simulator/faults.js'

const draws = (faults: Faults, count: number) => Array.from({ length: count }, () => faults.take('rateLimited'))

describe('faults', () => {
  it('that are counted happen as often, and are gone', () => {
    const faults = new Faults(FAULT_KINDS, 1, 1)
    faults.set({ rateLimited: 2 })
    expect(draws(faults, 4)).toEqual([true, true, false, false])
    expect(faults.plan).toEqual({})
  })

  it('at random happen about as often as they should, the same for the same seed', () => {
    const drawn = [1, 1, 2].map((seed) => {
      const faults = new Faults(FAULT_KINDS, seed, 1)
      faults.set({ rateLimited: '20%' })
      return draws(faults, 500)
    })
    const [first, again, other] = drawn
    expect(first?.filter(Boolean).length).toBeGreaterThan(70)
    expect(first?.filter(Boolean).length).toBeLessThan(130)
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  })

  it('at random do not depend on how often others were drawn', () => {
    const alone = new Faults(FAULT_KINDS, 1, 1)
    alone.set({ rateLimited: '50%' })
    const among = new Faults(FAULT_KINDS, 1, 1)
    among.set({ rateLimited: '50%', overloaded: '50%' })
    const mixed = Array.from({ length: 50 }, () => {
      among.take('overloaded')
      return among.take('rateLimited')
    })
    expect(mixed).toEqual(draws(alone, 50))
  })

  it('never and always happen at 0 % and 100 %', () => {
    const faults = new Faults(FAULT_KINDS, 1, 1)
    faults.set({ rateLimited: '0%', overloaded: '100%' })
    expect(draws(faults, 20)).not.toContain(true)
    expect(Array.from({ length: 20 }, () => faults.take('overloaded'))).not.toContain(false)
  })

  it('are replaced, added to, taken away and cleared, kind by kind', () => {
    const faults = new Faults(FAULT_KINDS, 1, 1)
    faults.set({ rateLimited: 2, expire: '5%' })
    faults.set({ rateLimited: 1 })
    faults.add('rateLimited', 3)
    faults.add('expire', 2)
    expect(faults.plan).toEqual({ rateLimited: 4, expire: 2 })
    faults.set({ rateLimited: 0 })
    expect(faults.plan).toEqual({ expire: 2 })
    faults.clear()
    expect(faults.plan).toEqual({})
  })

  it('go first in the order of the list', () => {
    const faults = new Faults(FAULT_KINDS, 1, 1)
    faults.set({ hangBeforeAccept: 1, rateLimited: 1, acceptThenReset: 1 })
    expect([faults.takeAt('create'), faults.takeAt('create'), faults.takeAt('create')]).toEqual([
      'rateLimited',
      'hangBeforeAccept',
      undefined,
    ])
  })
})

describe('a plan of faults is refused', () => {
  it.each([
    [{ rateLimit: 1 }, /there is no fault rateLimit; there are rateLimited, /],
    [{ rateLimited: -1 }, /^rateLimited: must be a count such as 3, or a probability such as "10%"$/],
    [{ rateLimited: 1.5 }, /^rateLimited: must be/],
    [{ rateLimited: '101%' }, /^rateLimited: must be/],
    [{ rateLimited: 'often' }, /^rateLimited: must be/],
    [{ rateLimited: null }, /^rateLimited: must be/],
    ['rateLimited', /^must be an object such as/],
    [undefined, /^must be an object such as/],
  ])('%j', (plan, message) => {
    expect(() => parseFaultPlan(plan)).toThrow(FaultPlanError)
    expect(() => parseFaultPlan(plan)).toThrow(message)
  })

  it('that this simulator does not have, and nothing of it is taken over', () => {
    const faults = new Faults(['rateLimited', 'overloaded'], 1, 1)
    expect(() => faults.set({ rateLimited: 1, vanish: 1 })).toThrow(
      'this simulator does not have vanish; it has rateLimited, overloaded',
    )
    expect(faults.plan).toEqual({})
  })
})

it('every kind of fault is in the documentation, in the same words', async () => {
  const page = await readFile('docs/simulators.md', 'utf8')
  expect(FAULT_KINDS.filter((kind) => !page.includes(`| \`${kind}\` | ${FAULTS[kind][1]} |`))).toEqual([])
})
