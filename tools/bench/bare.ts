/** The yardstick: what Temporal's client alone reaches on this machine, at this moment. */
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import pLimit from 'p-limit'
import { readMachineTime, usedBetween } from './machine-time.js'
import { median, percentile } from './statistics.js'

export const CONCURRENCY = 32

export interface Bare {
  startsPerSecond: number
  /** Of one start, with nothing beside it. */
  startMs: number
  /** Of the slowest one in a hundred of them. */
  startP99Ms: number
  /** Milliseconds of a processor for each start, over all processes. */
  machineMsPerStart: number
  /** The same, of the client's process alone. */
  clientMsPerStart: number
  foreignCores: number
}

export function benchQueue(name: string): string {
  return `bench-${name}-queue`
}

/** Starts a workflow as the daemon would, without a task. */
export function startBare(temporal: Client, queue: string, label: string): Promise<unknown> {
  const id = `${queue}:${randomUUID()}:${label}`
  return temporal.workflow.start('asyncTestTaskWorkflow', {
    taskQueue: benchQueue(queue),
    workflowId: id,
    args: [
      {
        apiCallId: label,
        taskKey: id,
        attempt: 1,
        callbackUrl: 'http://127.0.0.1:9/api/bench/report',
        requestParams: { kind: 'simple', message: label },
      },
    ],
  })
}

/** Starts many, as fast as the client can. */
export async function startManyBare(temporal: Client, queue: string, count: number): Promise<void> {
  const limit = pLimit(CONCURRENCY)
  const labels = Array.from({ length: count }, (_, index) => String(index))
  await Promise.all(labels.map((label) => limit(() => startBare(temporal, queue, label))))
}

/** Starts as many workflows as fast as the client can, then some one by one. No worker executes them. */
export async function measureBare(temporal: Client, count: number): Promise<Bare> {
  const before = readMachineTime()
  await startManyBare(temporal, 'bare', count)
  const after = readMachineTime()
  const used = usedBetween(before, after)
  const singles: number[] = []
  for (let index = 0; index < Math.min(count, 100); index += 1) {
    const from = performance.now()
    await startBare(temporal, 'bare', 'single')
    singles.push(performance.now() - from)
  }
  return {
    startsPerSecond: (1000 * count) / (after.at - before.at),
    startMs: median(singles),
    startP99Ms: percentile(singles, 0.99),
    machineMsPerStart: used.all / count,
    clientMsPerStart: (used.byPart.bench ?? 0) / count,
    foreignCores: used.foreignCores,
  }
}
