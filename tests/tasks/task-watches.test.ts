import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { OverloadedError } from '@/tasks/database/turns.js'
import { TaskWatches } from '@/tasks/task-watches.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const { signal } = new AbortController()
const LONG_MS = 60_000

/** How long each timeline is. Counts the looks. */
function watching(lengths: Record<string, number> = {}) {
  const looks: string[][] = []
  const watches = new TaskWatches(async (taskKeys) => {
    looks.push(taskKeys)
    return new Map(taskKeys.flatMap((key) => (key in lengths ? [[key, lengths[key] as number]] : [])))
  })
  return { watches, looks, lengths }
}

/** What has resolved, once all that is ready has run. */
async function woken(waits: Record<string, Promise<void>>): Promise<string[]> {
  const names: string[] = []
  for (const [name, wait] of Object.entries(waits)) void wait.then(() => names.push(name))
  await vi.advanceTimersByTimeAsync(0)
  return names
}

it('wakes at once who waits for a task that this process moves, and nobody else', async () => {
  const { watches, looks } = watching()
  const [first, second, other] = [watches.begin('a'), watches.begin('a'), watches.begin('b')]
  const waits = {
    first: first.next(0, LONG_MS, signal),
    second: second.next(0, LONG_MS, signal),
    other: other.next(0, LONG_MS, signal),
  }
  watches.moved('a')
  expect(await woken(waits)).toEqual(['first', 'second'])
  expect(looks).toEqual([])
})

it('misses no move between the watch’s beginning, a look at the task, and the wait', async () => {
  const { watches } = watching()
  const watch = watches.begin('a')
  watches.moved('a')
  expect(await woken({ first: watch.next(0, LONG_MS, signal) })).toEqual(['first'])
  expect(await woken({ second: watch.next(0, LONG_MS, signal) })).toEqual([])
})

it('looks once a second, for all together, for what others have moved', async () => {
  const { watches, looks, lengths } = watching({ a: 1, b: 1 })
  const waits = {
    a: watches.begin('a').next(1, LONG_MS, signal),
    again: watches.begin('a').next(1, LONG_MS, signal),
    b: watches.begin('b').next(1, LONG_MS, signal),
  }
  await vi.advanceTimersByTimeAsync(1000)
  expect(looks).toEqual([['a', 'b']])
  expect(await woken(waits)).toEqual([])
  lengths.b = 2
  await vi.advanceTimersByTimeAsync(1000)
  expect(await woken(waits)).toEqual(['b'])
})

it('looks again where the database was away', async () => {
  let looks = 0
  const watches = new TaskWatches(async () => {
    looks += 1
    if (looks === 1) throw new Error('away')
    return new Map([['a', 1]])
  })
  const wait = watches.begin('a').next(0, LONG_MS, signal)
  await vi.advanceTimersByTimeAsync(2000)
  expect(await woken({ wait })).toEqual(['wait'])
})

it('asks a slow database nothing more before it has answered', async () => {
  let looks = 0
  const watches = new TaskWatches(() => {
    looks += 1
    return new Promise(() => {})
  })
  watches.begin('a')
  await vi.advanceTimersByTimeAsync(5000)
  expect(looks).toBe(1)
})

it('wakes when the time is over, and when the caller is gone', async () => {
  const { watches } = watching()
  const gone = new AbortController()
  const waits = {
    late: watches.begin('a').next(0, 500, signal),
    gone: watches.begin('a').next(0, LONG_MS, gone.signal),
  }
  await vi.advanceTimersByTimeAsync(500)
  expect(await woken(waits)).toEqual(['late'])
  gone.abort()
  expect(await woken(waits)).toEqual(['late', 'gone'])
})

it('looks no more once nobody waits', async () => {
  const { watches, looks } = watching({ a: 0 })
  const [first, second] = [watches.begin('a'), watches.begin('a')]
  first.end()
  await vi.advanceTimersByTimeAsync(1000)
  second.end()
  await vi.advanceTimersByTimeAsync(5000)
  expect(looks).toHaveLength(1)
  expect(vi.getTimerCount()).toBe(0)
})

it('refuses one more than it can hold, and takes another once one has ended', () => {
  const { watches } = watching()
  const held = Array.from({ length: 5000 }, (_, index) => watches.begin(String(index)))
  expect(() => watches.begin('one more')).toThrow(OverloadedError)
  held[0]?.end()
  watches.begin('one more').end()
  for (const watch of held.slice(1)) watch.end()
})
