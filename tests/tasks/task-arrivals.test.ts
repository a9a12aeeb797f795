/** Who waits for tasks: one look at the database for all, when others tell of something, and when something is due. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { manyListeners } from '@/lib/abort.js'
import type { Notices } from '@/tasks/database/notices.js'
import { type NextDue, TaskArrivals } from '@/tasks/task-arrivals.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const never = new AbortController().signal
manyListeners(never)
const LONG_MS = 60_000

/** A process among others; its database, and what it tells. */
function waiting({ hears = true, next = { due: false, seconds: null } as NextDue } = {}) {
  const database = { next, looks: 0, away: false }
  const told: string[] = []
  let heard: (detail?: string) => void = () => {}
  const notices: Notices = {
    hears,
    tell: (topic) => void told.push(topic),
    on(_topic, then) {
      heard = then
    },
  }
  const arrivals = new TaskArrivals('Call', notices, async () => {
    database.looks += 1
    if (database.away) throw new Error('away')
    return database.next
  })
  const woken: number[] = []
  const waits = (count: number, ms = LONG_MS) => {
    for (let index = 0; index < count; index += 1) {
      void arrivals.untilWoken(ms, never).then((isWoken) => isWoken && woken.push(index))
    }
  }
  return { arrivals, database, told, woken, waits, heard: () => heard() }
}
const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

it('looks once for all who wait; each second where others cannot tell, rarely where they can', async () => {
  for (const [hears, expected] of [
    [false, 31],
    [true, 2],
  ] as const) {
    const { database, waits } = waiting({ hears })
    waits(50)
    await pass(30_000)
    expect({ hears, looks: database.looks }).toEqual({ hears, looks: expected })
  }
})

it('does not look while nobody waits', async () => {
  const { database, waits, heard } = waiting({ hears: false })
  waits(1, 500)
  await pass(500)
  heard()
  await pass(10_000)
  expect(database.looks).toBe(1)
})

it('wakes one when a task becomes due, then, not at the next look', async () => {
  const { database, waits, woken } = waiting({ next: { due: false, seconds: 3.2 } })
  waits(5)
  await pass(3200)
  expect(woken).toEqual([])
  database.next = { due: true, seconds: null }
  await pass(1)
  expect(woken).toEqual([0])
})

it('looks again soon where what is due was not claimed', async () => {
  const { waits, woken, database } = waiting({ next: { due: true, seconds: null } })
  waits(3)
  await pass(0)
  expect(woken).toEqual([0])
  await pass(49)
  expect(database.looks).toBe(1)
  await pass(1)
  expect(woken).toEqual([0, 1])
})

it('wakes one at once when others tell of a task', async () => {
  const { database, waits, woken, heard } = waiting()
  waits(4)
  await pass(1000)
  database.next = { due: true, seconds: null }
  heard()
  await pass(0)
  expect(woken).toEqual([0])
})

it('looks once more when others tell of one while it looks', async () => {
  const { database, waits, heard } = waiting()
  waits(1)
  heard()
  heard()
  await pass(0)
  expect(database.looks).toBe(2)
})

it('tells others of a task only where no claimer waits here', async () => {
  const { arrivals, told, waits, woken } = waiting()
  waits(1)
  await pass(0)
  arrivals.wake()
  await pass(0)
  expect([told, woken]).toEqual([[], [0]])
  arrivals.wake()
  expect(told).toEqual(['Call'])
})

it('has a task that becomes due soon looked for: here if someone waits, else elsewhere', async () => {
  const { arrivals, told, waits, database } = waiting()
  arrivals.expect()
  expect(told).toEqual(['Call'])
  waits(1)
  await pass(0)
  arrivals.expect()
  await pass(0)
  expect([told, database.looks]).toEqual([['Call'], 2])
})

it('who comes before anything can have become due has no look made; what is told since ends that', async () => {
  const { arrivals, database, waits, heard } = waiting({ next: { due: false, seconds: 10 } })
  const come = async () => {
    waits(1, 5)
    await pass(5)
    return database.looks
  }
  expect([await come(), await come()]).toEqual([1, 1])
  const tellings = [
    heard,
    () => arrivals.expect(),
    () => {
      // Nobody takes it, so that the next one to come is woken instead of looking.
      arrivals.wake()
      waits(1, 5)
    },
    () => {
      waits(1)
      arrivals.reserve()?.wake()
    },
  ]
  for (const [index, tell] of tellings.entries()) {
    tell()
    expect([await come(), await come()]).toEqual([index + 2, index + 2])
  }
  await pass(10_000)
  expect(await come()).toBe(tellings.length + 2)
})

it('a look that something was told during says nothing of later', async () => {
  const { database, waits, heard } = waiting()
  waits(1, 5)
  heard()
  await pass(5)
  const { looks } = database
  waits(1, 5)
  await pass(5)
  expect([looks, database.looks]).toEqual([2, 2])
})

it('asks a database that is away again in a second', async () => {
  const { database, waits, woken } = waiting()
  database.away = true
  waits(1)
  await pass(500)
  Object.assign(database, { away: false, next: { due: true, seconds: null } })
  await pass(501)
  expect(woken).toEqual([0])
})
