/** Tasks are created over HTTP, over fifty connections. */
import { createTasks, perTask, WARM_UP } from '../between-bare.js'
import { readMachineTime, usedBetween } from '../machine-time.js'
import type { Measure } from '../measure.js'
import { median, percentile } from '../statistics.js'
import { BenchSystem, DATABASES } from '../system.js'

const CONNECTIONS = 50

export const create: Measure = {
  title: 'Creating tasks over HTTP, over 50 connections',
  databases: DATABASES,
  run: ({ database, tasks }) =>
    BenchSystem.with({ database, built: true }, async (system) => {
      await createTasks(system, Math.min(WARM_UP, tasks), CONNECTIONS)
      const parts = { main: system.main.pid }
      const before = readMachineTime(parts)
      const times = await createTasks(system, tasks, CONNECTIONS)
      const after = readMachineTime(parts)
      const { byPart } = usedBetween(before, after)
      return {
        tasksPerSecond: (1000 * tasks) / (after.at - before.at),
        p50Ms: median(times),
        p99Ms: percentile(times, 0.99),
        ...perTask(byPart, tasks),
      }
    }),
}
