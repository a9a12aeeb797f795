/** Loops that are told to pause for longer than a watchdog takes a loop to be alive without a sign of it. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AdaptiveInterval } from '@/async-task-component/adaptive-interval.js'
import { BoundedTemporal } from '@/async-task-component/bounded-temporal.js'
import { MainClient } from '@/async-task-component/main-client.js'
import { PullLoop } from '@/async-task-component/pull-loop.js'
import { Reconciler } from '@/async-task-component/reconciler.js'
import { RunInspector } from '@/async-task-component/run-inspector.js'
import { TaskReports } from '@/async-task-component/task-reports.js'
import { TaskStarter } from '@/async-task-component/task-starter.js'
import { type Loop, Watchdog } from '@/async-task-component/watchdog.js'
import { pullModeSchema } from '@/config/pull-mode.js'
import { clientConnection } from '@/lib/temporal-client.js'
import { ProtocolMain, TEST_TOKEN } from '@/testing/protocol-main.js'
import { silent } from './support.js'

const PAUSE_MS = 10 * 60_000

let stopping: AbortController
let created: number
let rounds: number
beforeEach(() => {
  vi.useFakeTimers()
  stopping = new AbortController()
  created = 0
  rounds = 0
})
afterEach(() => {
  stopping.abort()
  vi.useRealTimers()
})

/** What a loop works with; nothing is there to be done. */
function workbench(signal: AbortSignal) {
  const { config, namespace } = new ProtocolMain().config('paused')
  const { internalAPIs } = config
  const main = new MainClient({ internalToken: TEST_TOKEN, requestTimeoutMs: 1000 })
  const connection = clientConnection('127.0.0.1:9')
  const temporal = new BoundedTemporal(connection, { timeoutMs: 1000 })
  const common = {
    namespace,
    config,
    reports: new TaskReports({ main, url: internalAPIs.reportTaskEvent, stopping: signal, expired: signal }),
    inspector: new RunInspector(temporal),
    temporal,
    stopping: signal,
    expired: signal,
    logger: silent,
  }
  const nothing = async () => {
    rounds += 1
    return []
  }
  return { ...common, starter: new TaskStarter(common), nothing }
}

function reconciler(signal: AbortSignal, alive: () => void): Loop {
  const { nothing, ...common } = workbench(signal)
  return new Reconciler({ ...common, fetchRuns: nothing, intervalMs: PAUSE_MS, alive })
}

function pullLoop(signal: AbortSignal, alive: () => void): Loop {
  const { nothing, ...common } = workbench(signal)
  const { batchSize, startConcurrency } = pullModeSchema.parse({})
  const interval = new AdaptiveInterval({ pollIntervalMs: PAUSE_MS, maxPollIntervalMs: PAUSE_MS })
  const limits = { batchSize, startConcurrency, waitSeconds: 0 }
  return new PullLoop({
    ...common,
    limits,
    fetchTasks: nothing,
    gates: [],
    interval,
    alive,
  })
}

it.each([
  ['reconciler', reconciler],
  ['pull loop', pullLoop],
])('a %s that pauses for long is left alone', async (name, create) => {
  const onGivenUp = vi.fn()
  const watchdog = new Watchdog({
    name,
    create: (signal, alive) => {
      created += 1
      return create(signal, alive)
    },
    stopping: stopping.signal,
    expired: stopping.signal,
    onGivenUp,
    logger: silent,
  })
  watchdog.start()
  // A fifth of the pause is chance.
  await vi.advanceTimersByTimeAsync(6 * PAUSE_MS)
  expect(rounds).toBeGreaterThanOrEqual(5)
  expect(created).toBe(1)
  expect(onGivenUp).not.toHaveBeenCalled()

  stopping.abort()
  await watchdog.stopped()
  expect(vi.getTimerCount()).toBe(0)
})
