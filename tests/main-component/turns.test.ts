import { describe, expect, it, vi } from 'vitest'
import { OverloadedError, Turns, type Urgency, withUrgency } from '@/tasks/database/turns.js'

function urgency(preferred: boolean, leftMs = 60_000): Urgency {
  return { beginBy: performance.now() + leftMs, maxWaitMs: 60_000, preferred }
}

function event() {
  let happen = () => {}
  const happened = new Promise<void>((resolve) => {
    happen = resolve
  })
  return { happened, happen: () => happen() }
}

/** Holds a turn until `end` is called. */
function hold(turns: Turns) {
  let end = () => {}
  const held = turns.take(
    () =>
      new Promise<void>((resolve) => {
        end = resolve
      }),
  )
  return { held, end: () => end() }
}

describe('turns', () => {
  it('are taken one at a time: the preferred first, else in the order of asking', async () => {
    const turns = new Turns()
    const first = hold(turns)
    const done: string[] = []
    let working = 0
    const ask = (name: string, preferred: boolean) =>
      withUrgency(urgency(preferred), () =>
        turns.take(async () => {
          working += 1
          expect(working).toBe(1)
          await Promise.resolve()
          working -= 1
          done.push(name)
        }),
      )
    const asked = [ask('create 1', false), ask('create 2', false), ask('report 1', true), ask('report 2', true)]
    first.end()
    await Promise.all([first.held, ...asked])
    expect(done).toEqual(['report 1', 'report 2', 'create 1', 'create 2'])
  })

  it('let nobody starve: others are passed over three times in a row at most, however many preferred ones wait', async () => {
    const turns = new Turns()
    const first = hold(turns)
    const done: string[] = []
    const asked: Promise<void>[] = []
    const ask = (name: string, preferred: boolean): void => {
      const work = async () => {
        done.push(name)
        // As a daemon that asks again as soon as it is answered: the preferred ones never become fewer.
        if (preferred && done.length < 12) ask(name, true)
      }
      asked.push(withUrgency(urgency(preferred), () => turns.take(work)))
    }
    for (let report = 1; report <= 8; report++) ask(`report ${report}`, true)
    ask('read 1', false)
    ask('read 2', false)
    first.end()
    await first.held
    await vi.waitUntil(() => done.length >= 12)
    await Promise.all(asked)
    expect([done.indexOf('read 1'), done.indexOf('read 2')]).toEqual([3, 7])
  })

  it('that are preferred and brief go first, three in a row at most while others wait', async () => {
    const turns = new Turns()
    const first = hold(turns)
    const done: string[] = []
    const ask = (name: string, preferred: boolean, brief: boolean) =>
      withUrgency(urgency(preferred), () => turns.take(async () => void done.push(name), { brief }))
    const asked = [
      ask('create', false, false),
      ask('read', false, true),
      ask('report', true, false),
      ...['fetch 1', 'fetch 2', 'fetch 3', 'fetch 4'].map((name) => ask(name, true, true)),
    ]
    first.end()
    await Promise.all([first.held, ...asked])
    expect(done).toEqual(['fetch 1', 'fetch 2', 'fetch 3', 'create', 'report', 'fetch 4', 'read'])
  })

  it('that do not come in time are given up, and taken by nobody', async () => {
    const turns = new Turns()
    const first = hold(turns)
    let begun = false
    const late = withUrgency(urgency(false, 20), () =>
      turns.take(async () => {
        begun = true
      }),
    )
    await expect(late).rejects.toBeInstanceOf(OverloadedError)
    const next = turns.take(async () => 'next')
    first.end()
    expect([await next, begun]).toEqual(['next', false])
  })

  it('go on after work that throws, and let what waits outside be done in between', async () => {
    const turns = new Turns()
    const order: string[] = []
    setImmediate(() => order.push('socket read'))
    const failed = turns.take(async () => {
      order.push('first')
      throw new Error('broken')
    })
    const second = turns.take(async () => order.push('second'))
    await expect(failed).rejects.toThrow('broken')
    await second
    expect(order).toEqual(['first', 'socket read', 'second'])
  })
})

it('one that waits for something lets others have its turn, and takes another one afterwards', async () => {
  const turns = new Turns()
  const done: string[] = []
  const [coming, ending] = [event(), event()]
  const parked = turns.take(async (leave) => {
    done.push('asks')
    await leave(() => coming.happened)
    done.push('answers')
  })
  const other = turns.take(async () => {
    done.push('other')
    coming.happen()
    await ending.happened
  })
  await coming.happened
  await Promise.resolve()
  expect(done).toEqual(['asks', 'other'])
  ending.happen()
  await Promise.all([other, parked])
  expect(done).toEqual(['asks', 'other', 'answers'])
})

it('one whose next turn does not come in time gives up, and takes nobody’s', async () => {
  const turns = new Turns()
  let holding: ReturnType<typeof hold> | undefined
  const soon = { ...urgency(false, -1), maxWaitMs: 20 }
  const parked = withUrgency(soon, () =>
    turns.take((leave) =>
      leave(async () => {
        holding = hold(turns)
      }),
    ),
  )
  await expect(parked).rejects.toThrow(OverloadedError)
  await new Promise(setImmediate)
  let isHeld = true
  const other = turns.take(async () => expect(isHeld).toBe(false))
  isHeld = false
  holding?.end()
  await Promise.all([holding?.held, other])
})
