/** The yardstick: what Temporal's client alone reaches on this machine, at this moment. */
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import pLimit from 'p-limit'
import { readMachineTime, usedBetween } from './machine-time.js'
import { median } from './statistics.js'

export const CONCURRENCY = 32

export interface Bare {
  startsPerSecond: number
  /** Of one start, with nothing beside it. */
  startMs: number
  /** Milliseconds of a processor for each start, over all processes. */
  machineMsPerStart: number
  /** The same, of the client's process alone. */
  clientMsPerStart: number
  foreignCores: number
}

/** Starts as many workflows as fast as the client can, then some one by one. No worker executes them. */
export async function measureBare(temporal: Client, count: number): Promise<Bare> {
  const start = (label: string) =>
    temporal.workflow.start('asyncTestTaskWorkflow', {
      taskQueue: 'bench-bare-queue',
      workflowId: `bare:${randomUUID()}:${label}`,
      args: [{ request: { kind: 'simple', message: label } }],
    })
  const limit = pLimit(CONCURRENCY)
  const before = readMachineTime()
  await Promise.all(Array.from({ length: count }, (_, index) => limit(() => start(String(index)))))
  const after = readMachineTime()
  const used = usedBetween(before, after)
  const singles: number[] = []
  for (let index = 0; index < Math.min(count, 100); index += 1) {
    const from = performance.now()
    await start('single')
    singles.push(performance.now() - from)
  }
  return {
    startsPerSecond: (1000 * count) / (after.at - before.at),
    startMs: median(singles),
    machineMsPerStart: used.all / count,
    clientMsPerStart: (used.byPart.bench ?? 0) / count,
    foreignCores: used.foreignCores,
  }
}
