/**
 * What the pull loop asks of its parts, and in which order; its states: which follow which, and that nothing else does.
 * One file, as they share what stands in for the loop’s parts.
 */
import { beforeEach, expect, it } from 'vitest'
import { AdaptiveInterval } from '@/async-task-component/adaptive-interval.js'
import type { ClosedGate } from '@/async-task-component/gates.js'
import { PullLoop, type PullLoopOptions } from '@/async-task-component/pull-loop.js'
import { PULL_LOOP_MOVES } from '@/async-task-component/pull-loop-states.js'
import { MAX_BATCH_BYTES } from '@/protocol/limits.js'
import type { PendingTask } from '@/protocol/wire.js'
import { eventually } from '../support/eventually.js'
import { silent } from './support.js'

const A = taskOf('a')
const SUSPECT = taskOf('suspect')
const CLOSED: ClosedGate = { reason: 'backlog_full', message: 'the queue is full' }

function taskOf(id: string): PendingTask {
  return { id, taskKey: `key-${id}`, status: 'pending', attempts: 0, startedAt: null, createdAt: 1, requestParams: {} }
}

interface Script {
  /** What each fetch gives; after the last one the loop is stopped. */
  fetches: PendingTask[][]
  /** How often the gate is closed before it opens. */
  closed?: number
  start?: () => Promise<void>
}

/** Everything that the loop did, one after another. */
async function live({ fetches, closed = 0, start = async () => undefined }: Script): Promise<string[]> {
  const done: string[] = []
  const stop = new AbortController()
  const rest = [...fetches]
  let stillClosed = closed
  const loop = new PullLoop({
    async fetchTasks() {
      done.push('fetch')
      const tasks = rest.shift() ?? []
      if (rest.length === 0) stop.abort()
      return tasks
    },
    reports: {
      async claim({ id }, { alone }) {
        done.push(`claim ${id}${alone ? ' alone' : ''}`)
        if (id === SUSPECT.id && !alone) return { kind: 'alone-only' }
        return {
          kind: 'claimed',
          claim: { attempt: 1, fencingToken: `token-${id}`, leaseSeconds: 300, takeOver: false },
        }
      },
    },
    starter: {
      async run({ id }) {
        done.push(`start ${id}`)
        await start()
        done.push(`started ${id}`)
        return { apiCallId: id, attempt: 1, did: 'started' }
      },
    },
    gates: [
      {
        async check() {
          done.push('gate')
          return stillClosed-- > 0 ? CLOSED : null
        },
      },
    ],
    limits: { batchSize: 10, startConcurrency: 10, waitSeconds: 0 },
    interval: { after: () => 1 },
    stopping: stop.signal,
    alive: () => undefined,
    logger: silent,
  })
  loop.start()
  try {
    await eventually(() => expect(loop.state, done.join(', ')).toBe('stopped'), 5000)
  } finally {
    stop.abort()
    await loop.stopped()
  }
  return done
}

it('asks its gates, fetches, claims and starts; and again', async () => {
  expect(await live({ fetches: [[A], []] })).toEqual([
    'gate',
    'fetch',
    'claim a',
    'start a',
    'started a',
    'gate',
    'fetch',
  ])
})

it('fetches nothing while a gate is closed', async () => {
  expect(await live({ fetches: [[]], closed: 3 })).toEqual(['gate', 'gate', 'gate', 'gate', 'fetch'])
})

it('claims a suspect alone, once nothing else is under way', async () => {
  const start = () => new Promise<void>((resolve) => setTimeout(resolve, 100))
  expect(await live({ fetches: [[A, SUSPECT], [], []], start })).toEqual([
    'gate',
    'fetch',
    'claim a',
    'claim suspect',
    'start a',
    'gate',
    'fetch',
    'started a',
    'claim suspect alone',
    'start suspect',
    'started suspect',
    'gate',
    'fetch',
  ])
})

/** A loop that claims these batches, and is then stopped; what it did, and what ends the start of a task. */
function claiming(batches: Array<Array<[id: string, bytes: number]>>) {
  const done: string[] = []
  const stop = new AbortController()
  const ends = new Map<string, () => void>()
  const left = [...batches]
  const options = {
    claims: {
      async claim() {
        done.push('ask')
        const batch = left.shift() ?? []
        if (batch.length === 0) stop.abort()
        const claim = { attempt: 1, leaseSeconds: 300, takeOver: false }
        const tasks = batch.map(([id, bytes]) => ({
          ...{ ...taskOf(id), ...claim, fencingToken: id },
          requestParams: { text: 'x'.repeat(bytes) },
        }))
        return { tasks, claimed: tasks.length > 0, suspects: [] }
      },
      async giveBack() {},
    },
    starter: {
      async run({ id }: PendingTask) {
        // As Temporal's client does, it sends the start somewhat later.
        await new Promise<void>((resolve) => process.nextTick(resolve))
        done.push(`start ${id}`)
        await new Promise<void>((resolve) => ends.set(id, resolve))
        done.push(`started ${id}`)
        return { did: 'started' }
      },
    },
    ...{ gates: [], limits: { batchSize: 10, startConcurrency: 10, waitSeconds: 20 } },
    ...{ interval: { after: () => 0 }, stopping: stop.signal, alive: () => undefined, logger: silent },
  } as unknown as PullLoopOptions
  const loop = new PullLoop(options)
  loop.start()
  return {
    done,
    loop,
    end: async (id: string) => {
      await eventually(() => expect(ends.has(id), done.join(', ')).toBe(true), 5000)
      ends.get(id)?.()
    },
    asked: (times: number) =>
      eventually(() => expect(done.filter((what) => what === 'ask').length).toBeGreaterThanOrEqual(times), 5000),
  }
}

it('sends what it starts before it asks again', async () => {
  const { done, loop, end, asked } = claiming([[['a', 1]], [['b', 1]]])
  await asked(3)
  await Promise.all([end('a'), end('b'), loop.stopped()])
  expect(done.slice(0, 5)).toEqual(['ask', 'start a', 'ask', 'start b', 'ask'])
})

it('claims no more while large tasks are being started, whatever their number', async () => {
  const half = MAX_BATCH_BYTES / 2
  const { done, loop, end, asked } = claiming([
    [
      ['a', half],
      ['b', half],
    ],
    [['c', half]],
  ])
  await end('a')
  await asked(2)
  await end('b')
  await asked(3)
  await Promise.all([end('c'), loop.stopped()])
  expect(done).toEqual([
    ...['ask', 'start a', 'start b', 'started a', 'ask', 'start c'],
    ...['started b', 'ask', 'started c'],
  ])
})

const WAIT_SECONDS = 0.02
/** No answer takes so long, however busy the machine is: it counts as one that was not waited for. */
const LONG_SECONDS = 60

/** What a round meets. */
interface Round {
  gate?: ClosedGate | null
  /** Of the same gate, once a fetch was parked. */
  gateAfterwards?: ClosedGate
  /** How many tasks main has; nothing where it does not answer. */
  tasks?: number
  /** Main waits for tasks as long as it is asked to. */
  parks?: boolean
  /** How long main may park a fetch. Default: a moment if it does, and long if it answers at once. */
  waitSeconds?: number
  /** When the loop is told to stop. */
  stops?: 'while fetching' | 'while starting'
}

let moves: Set<string>
beforeEach(() => {
  moves = new Set()
})

/** The states that the loop is in while it does these rounds, and is stopped after them. */
async function statesIn(rounds: Round[]): Promise<string[]> {
  const left = [...rounds]
  const stopping = new AbortController()
  const states: string[] = ['idle']
  let round: Round = {}
  let fetched = false
  const gate = {
    async check() {
      if (fetched) return round.gateAfterwards ?? null
      const next = left.shift()
      round = next ?? { gate: CLOSED }
      if (next === undefined) stopping.abort()
      return round.gate ?? null
    },
  }
  const parts = {
    fetchTasks: async (_query: unknown, signal: AbortSignal) => {
      fetched = true
      if (round.parks) await new Promise((resolve) => setTimeout(resolve, WAIT_SECONDS * 1000))
      if (round.stops === 'while fetching') stopping.abort()
      if (round.tasks === undefined && !round.parks) throw signal.reason ?? new Error('main is away')
      return Array.from({ length: round.tasks ?? 0 }, (_, index) => taskOf(String(index)))
    },
    reports: { claim: async () => ({ kind: 'claimed', claim: {} }) },
    starter: {
      async run() {
        // By then the round is over, and the loop waits for free slots.
        await new Promise(setImmediate)
        if (round.stops === 'while starting') stopping.abort()
        return { did: 'started' }
      },
    },
  } as unknown as Pick<PullLoopOptions, 'fetchTasks' | 'reports' | 'starter'>
  const loop: PullLoop = new PullLoop({
    ...parts,
    gates: [gate],
    limits: {
      batchSize: 2,
      startConcurrency: 2,
      get waitSeconds() {
        return rounds[0]?.waitSeconds ?? (round.parks ? WAIT_SECONDS : LONG_SECONDS)
      },
    },
    interval: new AdaptiveInterval({ pollIntervalMs: 1, maxPollIntervalMs: 1 }),
    stopping: stopping.signal,
    alive() {
      const [from, to] = [states.at(-1) ?? '', loop.state]
      if (to === 'checking') fetched = false
      moves.add(`${from} → ${to}`)
      states.push(to)
    },
    logger: silent,
  })
  loop.start()
  await loop.stopped()
  return states
}

const END = ['checking', 'waiting', 'stopping', 'stopped']

it.each<[string, Round[], string[]]>([
  ['a closed gate is not fetched behind', [{ gate: CLOSED }], ['checking', 'waiting']],
  ['no tasks are waited for', [{ tasks: 0 }], ['checking', 'fetching', 'waiting']],
  ['main that is away is waited for', [{}], ['checking', 'fetching', 'waiting']],
  ['some tasks are claimed, and main waits for more', [{ tasks: 1 }], ['checking', 'fetching', 'claiming']],
  [
    'some tasks are claimed, and the loop waits for more where main does not',
    [{ tasks: 1, waitSeconds: 0 }],
    ['checking', 'fetching', 'claiming', 'waiting'],
  ],
  ['after a full batch more are fetched at once', [{ tasks: 2 }], ['checking', 'fetching', 'claiming']],
  [
    'where main has waited for tasks, nothing more is waited for',
    [{ tasks: 0 }, { parks: true }],
    ['checking', 'fetching', 'waiting', 'checking', 'fetching'],
  ],
  [
    'a gate that has closed while a fetch was parked keeps its tasks from being claimed',
    [{ tasks: 0 }, { parks: true, tasks: 2, gateAfterwards: CLOSED }],
    ['checking', 'fetching', 'waiting', 'checking', 'fetching', 'waiting'],
  ],
])('%s', async (_what, rounds, states) => {
  expect(await statesIn(rounds)).toEqual(['idle', ...states, ...END])
})

it('what the moves list is what moves the loop, and nothing else is', async () => {
  await statesIn([{ gate: CLOSED }, {}, { tasks: 0 }, { parks: true }, { tasks: 1 }, { tasks: 2 }])
  await statesIn([{ tasks: 1, waitSeconds: 0 }])
  // A stop in the middle of each.
  await statesIn([{ tasks: 0 }, { parks: true, stops: 'while fetching' }])
  await statesIn([{ tasks: 2, stops: 'while starting' }])
  await statesIn([{ tasks: 0, stops: 'while fetching' }])
  await stoppedBeforeItsStart()
  const listed = Object.entries(PULL_LOOP_MOVES).flatMap(([from, next]) => next.map((to) => `${from} → ${to}`))
  expect([...moves].sort()).toEqual(listed.sort())
})

it('a loop that makes another move dies of it', async () => {
  const { idle } = PULL_LOOP_MOVES
  const allowed = idle as string[]
  const removed = allowed.splice(0)
  try {
    await expect(statesIn([{ tasks: 0 }])).rejects.toThrow('from idle to')
  } finally {
    allowed.push(...removed)
  }
})

async function stoppedBeforeItsStart(): Promise<void> {
  const states = ['idle']
  const loop: PullLoop = new PullLoop({
    stopping: AbortSignal.abort(),
    alive() {
      moves.add(`${states.at(-1)} → ${loop.state}`)
      states.push(loop.state)
    },
    logger: silent,
  } as unknown as PullLoopOptions)
  loop.start()
  await loop.stopped()
}
