import { describe, expect, it } from 'vitest'
import { CLAIM_FAULTS, FAULT_KINDS, scheduleFaults } from '@/tools/chaos/schedule.js'
import { planTasks } from '@/tools/chaos/tasks.js'

const options = { seed: 1, daemons: 3, mains: 2, windowMs: 150_000 }
const seeds = Array.from({ length: 20 }, (_, index) => index + 1)

describe('the schedule of faults', () => {
  it('follows from the seed alone', () => {
    expect(scheduleFaults(options)).toEqual(scheduleFaults(options))
    expect(scheduleFaults({ ...options, seed: 2 })).not.toEqual(scheduleFaults(options))
  })

  it.each(seeds)('has every kind, in order, within the window (seed %i)', (seed) => {
    for (const windowMs of [10_000, 150_000]) {
      const faults = scheduleFaults({ ...options, seed, windowMs })
      expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
      const times = faults.map(({ atMs }) => atMs)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      expect(Math.max(...times)).toBeLessThanOrEqual(windowMs)
    }
  })

  it('aims only at processes that there are', () => {
    const faults = seeds.flatMap((seed) => scheduleFaults({ ...options, seed }))
    const aimedAt = (prefix: string) =>
      new Set(faults.flatMap((fault) => ('index' in fault && fault.kind.startsWith(prefix) ? [fault.index] : [])))
    expect(aimedAt('daemon')).toEqual(new Set([0, 1, 2]))
    expect(aimedAt('main')).toEqual(new Set([0, 1]))
  })

  it('has every fault of claims, where each other fault is to come with one', () => {
    const faults = scheduleFaults({ ...options, claims: true })
    const ofClaims = faults.flatMap((fault) => (fault.kind === 'claim-fault' ? [fault.fault] : []))
    expect(new Set(ofClaims)).toEqual(new Set(CLAIM_FAULTS))
    expect(ofClaims.length).toBeGreaterThanOrEqual(faults.length / 2)
  })

  it('leaves out what it is told to', () => {
    const faults = scheduleFaults({ ...options, without: ['temporal-restart', 'main-kill'] })
    expect(faults.length).toBeGreaterThan(0)
    expect(faults.filter(({ kind }) => kind === 'temporal-restart' || kind === 'main-kill')).toEqual([])
    expect(scheduleFaults({ ...options, without: FAULT_KINDS })).toEqual([])
  })
})

describe('the planned tasks', () => {
  it('follow from the seed, are of every kind, and each carries a marker of its own', () => {
    const tasks = planTasks(1, 500, 150_000)
    expect(tasks).toEqual(planTasks(1, 500, 150_000))
    expect(new Set(tasks.map(({ kind }) => kind))).toEqual(new Set(['test', 'video', 'image']))
    expect(new Set(tasks.map(({ marker }) => marker)).size).toBe(500)
    expect(tasks.every(({ request, marker }) => JSON.stringify(request).includes(marker))).toBe(true)
  })

  it('are refused exactly where the simulators are told to', () => {
    const tasks = planTasks(1, 500, 150_000)
    const told = ({ request }: (typeof tasks)[number]) => /\[(refuse|fail)\]/.test(JSON.stringify(request))
    expect(tasks.filter(told)).toEqual(tasks.filter(({ refused }) => refused))
    expect(tasks.some(told)).toBe(true)
  })
})
