/** The same by queues that others make: their jobs start the same workflows, on the same PostgreSQL. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { benchQueue } from '../bare.js'
import { betweenBare } from '../between-bare.js'
import { readMachineTime, usedBetween } from '../machine-time.js'
import type { Figures, Measure, Size } from '../measure.js'
import { PEERS } from '../peers.js'
import { median } from '../statistics.js'
import { BenchSystem } from '../system.js'
import { startTimes, untilFound } from '../workflows.js'

const PICK_UPS = 100
const APART_MS = 50

function measureOf(name: keyof typeof PEERS, title: string): Measure {
  return {
    title: `${title}: the same number of jobs, each starts the bare workflow`,
    databases: ['postgresql'],
    run: (size) =>
      BenchSystem.with({ database: size.database, startsMain: false }, (system) =>
        betweenBare(system.temporal, size.tasks, () => look(name, system, size)),
      ),
  }
}

async function look(name: keyof typeof PEERS, system: BenchSystem, { tasks }: Size) {
  const { temporal, databaseUrl = '' } = system
  const sender = await PEERS[name].sender(databaseUrl)
  const queue = `peer-${name}`
  const query = `TaskQueue = '${benchQueue(queue)}'`
  await sender.send(Array.from({ length: tasks }, () => randomUUID()))
  const worker = await system.startProcess('peer', [name, queue])
  const already = await untilFound(temporal, 1, query)
  const before = readMachineTime()
  await untilFound(temporal, tasks, query)
  const used = usedBetween(before, readMachineTime())
  const starts = [...(await startTimes(temporal, query)).values()]
  const tasksPerSecond = (1000 * (starts.length - 1)) / (Math.max(...starts) - Math.min(...starts))

  const sentAt = new Map<string, number>()
  const count = Math.min(PICK_UPS, tasks)
  for (let index = 0; index < count; index += 1) {
    const id = randomUUID()
    await sender.send([id])
    sentAt.set(id, Date.now())
    await delay(Math.random() * APART_MS)
  }
  await untilFound(temporal, tasks + count, query)
  const startedAt = await startTimes(temporal, query)
  const pickups = [...sentAt].map(([id, at]) => Math.max(0, (startedAt.get(id) ?? Number.NaN) - at))
  await worker.stop()
  await sender.close()
  return (bare: { startsPerSecond: number; machineMsPerStart: number; startMs: number }): Figures => {
    const machineMsPerTask = used.all / Math.max(1, tasks - already)
    return {
      toBare: tasksPerSecond / bare.startsPerSecond,
      machineToBare: machineMsPerTask / bare.machineMsPerStart,
      tasksPerSecond,
      machineMsPerTask,
      pickupP50ToBareStart: median(pickups) / bare.startMs,
      pickupP50Ms: median(pickups),
    }
  }
}

export const graphileWorker = measureOf('graphileWorker', 'graphile-worker')
export const pgBoss = measureOf('pgBoss', 'pg-boss')
