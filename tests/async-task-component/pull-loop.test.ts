/** What the pull loop asks of its parts, and in which order. */
import { expect, it } from 'vitest'
import { PullLoop } from '@/async-task-component/pull-loop.js'
import type { PendingTask } from '@/integrations/shared/wire.js'
import { eventually } from '../support/eventually.js'
import { silent } from './support.js'

const A = taskOf('a')
const SUSPECT = taskOf('suspect')

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
          return stillClosed-- > 0 ? { reason: 'backlog_full', message: 'full' } : null
        },
      },
    ],
    batchSize: 10,
    startConcurrency: 10,
    waitSeconds: 0,
    interval: { after: () => 1 },
    stopping: stop.signal,
    forgetGates: () => undefined,
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
