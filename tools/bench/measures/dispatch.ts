/** Tasks that wait are claimed and started, as fast as the defaults allow. */
import { createTasks, inSystem, perTask } from '../between-bare.js'
import { readMachineTime, type UsedTime, usedBetween } from '../machine-time.js'
import type { Measure } from '../measure.js'
import { type BenchSystem, DATABASES } from '../system.js'
import { startTimes, untilFound } from '../workflows.js'

export const dispatch: Measure = {
  title: 'Dispatching tasks that wait: claimed and their workflows started, as configured by default',
  databases: DATABASES,
  run: (size) =>
    inSystem(size, async (system) => {
      const { tasksPerSecond, count, all, byPart } = await dispatchTasks(system, size.tasks)
      return (bare) => ({
        toBare: tasksPerSecond / bare.startsPerSecond,
        machineToBare: all / count / bare.machineMsPerStart,
        dispatcherToBareClient: (byPart.dispatcher ?? 0) / count / bare.clientMsPerStart,
        tasksPerSecond,
        machineMsPerTask: all / count,
        bareMachineMsPerStart: bare.machineMsPerStart,
        ...perTask(byPart, count),
      })
    }),
}

/** How many are dispatched in a second, and what `count` of them used. */
export async function dispatchTasks(
  system: BenchSystem,
  tasks: number,
): Promise<UsedTime & { tasksPerSecond: number; count: number }> {
  const { temporal, main } = system
  await createTasks(system, tasks, 16)
  const dispatcher = await system.startDispatcher()
  const parts = { dispatcher: dispatcher.pid, main: main.pid }
  const already = await untilFound(temporal, 1)
  const before = readMachineTime(parts)
  await untilFound(temporal, tasks)
  const used = usedBetween(before, readMachineTime(parts))
  await dispatcher.stop()
  const starts = [...(await startTimes(temporal)).values()]
  const tasksPerSecond = (1000 * (starts.length - 1)) / (Math.max(...starts) - Math.min(...starts))
  return { ...used, tasksPerSecond, count: Math.max(1, tasks - already) }
}
