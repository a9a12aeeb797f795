/** Runs that are cancelled in each of their phases. */
import { readdir } from 'node:fs/promises'
import { expect } from 'vitest'
import type { FaultPlan } from '../../simulator/index.js'
import { type Traits, tookBack } from './traits.js'
import { type Check, type Tested, until } from './world.js'

const HOUR_MS = 3600_000

interface Phase {
  name: string
  faults?: FaultPlan
  simulator?: Check['simulator']
  section?: object
  /** Main does not answer this report until the run was cancelled. */
  held?: string
  /** Whether it is there. Default: main was told of what is held. */
  reached?: (tested: Tested) => boolean
  /** What holds afterwards. */
  left?: (tested: Tested) => unknown
}

const told = (status: string) => (tested: Tested) => tested.main.reports.some((report) => report.status === status)
const happened = (kind: string) => (tested: Tested) =>
  tested.provider.requests.some(({ faults }) => faults.some((fault) => fault === kind))
const asked = (tested: Tested) => tested.provider.requests.length > 0

export function cancellations(traits: Traits): Check[] {
  const { definition, kinds, hasProvider } = traits
  const has = (phase: Phase) => Object.keys(phase.faults ?? {}).every((kind) => kinds.some((one) => one === kind))
  const phases = [...COMMON, ...(hasProvider ? ASKING : []), ...(OF_SHAPE[definition.shape] ?? [])]
  const polling = definition.shape === 'polled' && { section: { firstPollSeconds: 0, pollSeconds: 1 } }
  return [...phases.filter(has).map(cancelled), { ...completed, ...polling }]
}

function cancelled({ name, faults, simulator, section, held, reached = told(held ?? ''), left }: Phase): Check {
  return {
    group: 'a run that is cancelled',
    name,
    server: 'real',
    ...(simulator && { simulator }),
    ...(section && { section }),
    async test(tested) {
      const { main, provider, start } = tested
      if (faults) provider.faults.set(faults)
      const release = held ? hold(tested, held) : () => undefined
      const handle = await start()
      await until(name, () => reached(tested))
      const before = tested.asked()
      await handle.cancel()
      expect(await handle.result()).toMatchObject({ outcome: 'failed', error: { code: 'cancelled' }, retryable: false })
      release()
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, error: { code: 'cancelled' } })
      expect(tested.asked(), 'creates').toBe(before)
      await left?.(tested)
      await until('nothing half-written is left', async () => (await readdir(tested.artifactsDir)).length === 0)
    },
  }
}

const completed: Check = {
  group: 'a run that is cancelled',
  name: 'while main is told of the result is completed all the same',
  server: 'real',
  async test(tested) {
    const release = hold(tested, 'completed')
    const handle = await tested.start()
    await until('main is told', () => told('completed')(tested))
    await handle.cancel()
    release()
    await tested.expectDone(await handle.result())
  },
}

function hold({ main }: Tested, status: string): () => void {
  const released = new AbortController()
  const until = new Promise((resolve) => released.signal.addEventListener('abort', resolve))
  main.onReport = (report) => (report.status === status ? until : undefined)
  return () => released.abort()
}

const expectTakenBack = ({ definition, provider }: Tested) => {
  if (definition.asked.polled?.cancel) {
    expect(tookBack(provider.requests), 'a request that takes the task back').toBe(true)
  }
}

const COMMON: Phase[] = [
  {
    name: 'before main has answered its begin has nothing asked for',
    held: 'begin',
    left: ({ provider }) => expect(provider?.requests ?? []).toEqual([]),
  },
]

const ASKING: Phase[] = [
  {
    name: 'while the provider takes no more has nothing made',
    faults: { rateLimited: '100%' },
    simulator: { retryAfterSeconds: 600 },
    reached: told('waiting'),
    left: ({ paid }) => expect(paid()).toBe(0),
  },
]

const SLOW = { latencyMs: HOUR_MS, slowBodyMs: 1000 }

const OF_SHAPE: Partial<Record<string, Phase[]>> = {
  polled: [
    {
      name: 'while its create is under way has its task taken back, once there is one',
      faults: { acceptThenSlow: 1 },
      simulator: SLOW,
      reached: happened('acceptThenSlow'),
      left: expectTakenBack,
    },
    {
      name: 'while it waits has its task taken back',
      simulator: SLOW,
      section: { firstPollSeconds: 3600 },
      reached: told('processing'),
      left: expectTakenBack,
    },
    {
      name: 'while it looks at its task has it taken back',
      faults: { readHang: 1 },
      simulator: SLOW,
      section: { firstPollSeconds: 0 },
      reached: happened('readHang'),
      left: expectTakenBack,
    },
    {
      name: 'while a file is fetched leaves none half-written',
      faults: { downloadHang: 1 },
      section: { firstPollSeconds: 0, pollSeconds: 1, requestTimeoutMs: 2000 },
      reached: happened('downloadHang'),
    },
  ],
  single: [
    {
      name: 'while the provider is at work leaves it open what has been made, and asks for no other',
      simulator: SLOW,
      reached: asked,
      left: ({ main }) => expect(main.state.openIntents).toMatchObject([{ attempt: 1 }]),
    },
  ],
}
