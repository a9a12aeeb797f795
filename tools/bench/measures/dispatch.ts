/** Tasks that wait are claimed and started, as fast as the defaults allow. */
import { createTasks, inSystem, perTask, WARM_UP } from '../between-bare.js'
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
  const dispatcher = await system.startDispatcher()
  const warmUp = Math.min(WARM_UP, tasks)
  await createTasks(system, warmUp, 16)
  await untilFound(temporal, warmUp)
  process.kill(dispatcher.pid, 'SIGSTOP')
  await createTasks(system, tasks, 16)
  process.kill(dispatcher.pid, 'SIGCONT')
  const parts = { dispatcher: dispatcher.pid, main: main.pid }
  const already = (await untilFound(temporal, warmUp + 1)) - warmUp
  const before = readMachineTime(parts)
  await untilFound(temporal, warmUp + tasks)
  const used = usedBetween(before, readMachineTime(parts))
  await dispatcher.stop()
  const starts = [...(await startTimes(temporal)).values()].sort((one, other) => one - other).slice(warmUp)
  const tasksPerSecond = (1000 * (starts.length - 1)) / ((starts.at(-1) ?? 0) - (starts[0] ?? 0))
  return { ...used, tasksPerSecond, count: Math.max(1, tasks - already) }
}
