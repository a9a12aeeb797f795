/** Who waits for tasks to claim, within one process: each arrival wakes one, and none is lost. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Arrivals } from '@/tasks/arrivals.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = new AbortController().signal
const LONG_MS = 60_000

it('wakes one claimer for each arrival, the one that has waited longest, and each time all who only look', async () => {
  const arrivals = new Arrivals()
  const woken: string[] = []
  const claims = (name: string) => arrivals.untilWoken(LONG_MS, never).then(() => woken.push(name))
  void arrivals.next(arrivals.count, LONG_MS, never).then(() => woken.push('looks'))
  const claiming = [claims('first'), claims('second')]
  arrivals.wake()
  await vi.advanceTimersByTimeAsync(0)
  expect(woken.sort()).toEqual(['first', 'looks'])
  arrivals.wake()
  await Promise.all(claiming)
  expect(woken).toEqual(['first', 'looks', 'second'])
})

it('wakes at once who comes after an arrival that nobody took, and only that one', async () => {
  const arrivals = new Arrivals()
  expect(arrivals.wake()).toBe(false)
  expect(await arrivals.untilWoken(LONG_MS, never)).toBe(true)
  const next = arrivals.untilWoken(LONG_MS, never)
  await vi.advanceTimersByTimeAsync(LONG_MS)
  expect(await next).toBe(false)
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('arrive' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('come' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('go' as const), who: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
)
/** How many turns of others pass before the next step. */
const turns = fc.nat({ max: 6 })
const pass = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve()
}

it('loses no arrival, whoever comes, goes, fails or has waited long enough; one try for each wake-up', async () => {
  const property = fc.asyncProperty(fc.array(fc.tuple(step, turns), { maxLength: 40 }), async (steps) => {
    const arrivals = new Arrivals()
    let [tasks, wakeUps, tries] = [0, 0, 0]
    const wake = vi.spyOn(arrivals, 'wake').mockImplementation(() => {
      wakeUps += 1
      return Arrivals.prototype.wake.call(arrivals)
    })
    const claimers: AbortController[] = []
    const claim = (limit: number, signal: AbortSignal) =>
      arrivals.take(async () => {
        await pass(1)
        const claimed = Math.min(limit, tasks)
        tasks -= claimed
        await pass(2)
        if (!signal.aborted) return claimed
        tasks += claimed
        throw new Error('gone')
      })
    const serve = async (limit: number, { signal }: AbortController) => {
      let claimed = await claim(limit, signal)
      while (claimed === 0 && (await arrivals.untilWoken(20, signal))) {
        tries += 1
        claimed = await claim(limit, signal)
      }
      if (claimed === limit) arrivals.wake()
    }
    for (const [given, after] of steps) {
      if (given.kind === 'arrive') {
        tasks += 1
        arrivals.wake()
      } else if (given.kind === 'come') {
        const claimer = new AbortController()
        claimers.push(claimer)
        void serve(given.limit, claimer).catch(() => {})
      } else if (given.kind === 'go') claimers[given.who % Math.max(1, claimers.length)]?.abort()
      else await vi.advanceTimersByTimeAsync(given.ms)
      await pass(after)
    }
    // All that is under way comes to its end, but no time passes.
    await vi.advanceTimersByTimeAsync(0)
    await pass(200)
    expect({ left: arrivals.anyWaits ? tasks : 0 }).toEqual({ left: 0 })
    expect(tries).toBeLessThanOrEqual(wakeUps)
    wake.mockRestore()
    for (const claimer of claimers) claimer.abort()
    await pass(200)
  })
  await fc.assert(property, { numRuns: 300, seed: Number(process.env.PROTOCOL_SEED ?? 1) })
})
