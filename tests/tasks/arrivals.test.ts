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

it('who is reserved is not woken, waits for what it is given however long that takes, and is told if nothing comes', async () => {
  const arrivals = new Arrivals<string>()
  const gone = new AbortController()
  const waiting = [arrivals.untilWoken(LONG_MS, gone.signal, 'first'), arrivals.untilWoken(LONG_MS, never, 'second')]
  const reserved = [arrivals.reserve(), arrivals.reserve()]
  expect([reserved.map((one) => one?.claimId), arrivals.reserve(), arrivals.wake()]).toEqual([
    ['first', 'second'],
    undefined,
    false,
  ])
  gone.abort()
  await vi.advanceTimersByTimeAsync(2 * LONG_MS)
  const looks = arrivals.next(arrivals.count, LONG_MS, never)
  reserved[0]?.give('a task')
  reserved[1]?.wake()
  expect(await Promise.all(waiting)).toEqual(['a task', true])
  await looks
  expect(vi.getTimerCount()).toBe(0)
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('arrive' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('bring' as const), claims: fc.boolean(), turns: fc.nat(6) }) },
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
    const arrivals = new Arrivals<1>()
    let [tasks, wakeUps, tries] = [0, 0, 0]
    let [brought, given] = [0, 0]
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
      while (claimed === 0) {
        const woken = await arrivals.untilWoken(20, signal)
        if (woken === 1) given += 1
        if (woken !== true) return
        tries += 1
        claimed = await claim(limit, signal)
      }
      if (claimed === limit) arrivals.wake()
    }
    /** Claims for one who waits what it brings, or fails to. */
    const bring = async (claims: boolean, after: number) => {
      const reserved = arrivals.reserve()
      await pass(after)
      if (reserved && claims) {
        brought += 1
        reserved.give(1)
        return
      }
      tasks += 1
      if (!reserved) arrivals.wake()
      else {
        wakeUps += 1
        reserved.wake()
      }
    }
    for (const [next, after] of steps) {
      if (next.kind === 'arrive') {
        tasks += 1
        arrivals.wake()
      } else if (next.kind === 'bring') void bring(next.claims, next.turns)
      else if (next.kind === 'come') {
        const claimer = new AbortController()
        claimers.push(claimer)
        void serve(next.limit, claimer).catch(() => {})
      } else if (next.kind === 'go') claimers[next.who % Math.max(1, claimers.length)]?.abort()
      else await vi.advanceTimersByTimeAsync(next.ms)
      await pass(after)
    }
    // All that is under way comes to its end, but no time passes.
    await vi.advanceTimersByTimeAsync(0)
    await pass(200)
    expect({ left: arrivals.anyWaits ? tasks : 0 }).toEqual({ left: 0 })
    expect(tries).toBeLessThanOrEqual(wakeUps)
    expect(given).toBe(brought)
    wake.mockRestore()
    for (const claimer of claimers) claimer.abort()
    await pass(200)
  })
  await fc.assert(property, { numRuns: 300, seed: Number(process.env.PROTOCOL_SEED ?? 1) })
})
