import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LoopGivenUpError } from '@/async-task-component/errors.js'
import { type Loop, Watchdog } from '@/async-task-component/watchdog.js'
import { silent } from './support.js'

const SILENCE_MS = 60_000

/** A loop that does what a test tells it. */
class TestLoop implements Loop {
  readonly #end = withResolvers()

  constructor(
    readonly stopping: AbortSignal,
    readonly alive: () => void,
    obedient: boolean,
  ) {
    if (obedient) stopping.addEventListener('abort', () => this.#end.resolve())
  }

  start(): void {}
  stopped(): Promise<void> {
    return this.#end.promise
  }
  die(error?: Error): void {
    if (error) this.#end.reject(error)
    else this.#end.resolve()
  }
}

function withResolvers() {
  let resolve: () => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

let loops: TestLoop[]
let stopping: AbortController
let expired: AbortController
let givenUp: LoopGivenUpError[]

beforeEach(() => {
  vi.useFakeTimers()
  loops = []
  stopping = new AbortController()
  expired = new AbortController()
  givenUp = []
})
afterEach(() => void vi.useRealTimers())

function watch({ obedient = true } = {}): Watchdog<TestLoop> {
  const watchdog = new Watchdog({
    name: 'test',
    create: (signal, alive) => {
      const loop = new TestLoop(signal, alive, obedient)
      loops.push(loop)
      return loop
    },
    silenceMs: SILENCE_MS,
    maxReplacements: 3,
    stopping: stopping.signal,
    expired: expired.signal,
    onGivenUp: (error) => givenUp.push(error),
    logger: silent,
  })
  watchdog.start()
  return watchdog
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('a loop', () => {
  it('that shows signs of life is left alone', async () => {
    watch()
    for (let i = 0; i < 10; i++) {
      await pass(SILENCE_MS - 1000)
      loops[0]?.alive()
    }
    expect(loops).toHaveLength(1)
  })

  it('that falls silent is told to stop, and replaced', async () => {
    watch({ obedient: false })
    await pass(SILENCE_MS + 1000)
    expect(loops).toHaveLength(2)
    expect(loops[0]?.stopping.aborted).toBe(true)
    expect(loops[1]?.stopping.aborted).toBe(false)
  })

  it.each([
    ['dies', new Error('broken')],
    ['ends by itself', undefined],
  ])('that %s is replaced', async (_how, error) => {
    const watchdog = watch()
    loops[0]?.die(error)
    await pass(0)
    expect(loops).toHaveLength(2)
    expect(watchdog.loop).toBe(loops[1])
  })

  it('that dies again and again is given up', async () => {
    const watchdog = watch()
    for (let i = 0; i < 4; i++) {
      loops.at(-1)?.die(new Error(`death ${i}`))
      await pass(0)
    }
    await watchdog.stopped()
    expect(loops).toHaveLength(4)
    expect(givenUp).toMatchObject([{ code: 'loop_given_up', cause: { message: 'death 3' } }])
  })

  it('that lived well in between is not', async () => {
    watch()
    for (let i = 0; i < 6; i++) {
      for (let lived = 0; lived <= 3 * SILENCE_MS; lived += SILENCE_MS / 2) {
        loops.at(-1)?.alive()
        await pass(SILENCE_MS / 2)
      }
      loops.at(-1)?.die()
      await pass(0)
    }
    expect(loops).toHaveLength(7)
    expect(givenUp).toEqual([])
  })
})

describe('a stop', () => {
  it('waits for the loop to end', async () => {
    const watchdog = watch({ obedient: false })
    const stopped = vi.fn()
    void watchdog.stopped().then(stopped)
    stopping.abort()
    await pass(10 * SILENCE_MS)
    expect(stopped).not.toHaveBeenCalled()
    loops[0]?.die()
    await pass(0)
    expect(stopped).toHaveBeenCalled()
    expect(loops).toHaveLength(1)
  })

  it('does not wait for one that hangs when the time is over', async () => {
    const watchdog = watch({ obedient: false })
    stopping.abort()
    expired.abort()
    await pass(1000)
    await watchdog.stopped()
    expect(givenUp).toEqual([])
  })

  it('leaves no timer behind', async () => {
    const watchdog = watch()
    stopping.abort()
    await watchdog.stopped()
    await pass(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
