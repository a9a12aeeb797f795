/** Tasks that wait are claimed and started, as fast as the defaults allow. */
import { createTasks, inSystem, perTask } from '../between-bare.js'
import { readMachineTime, usedBetween } from '../machine-time.js'
import type { Measure } from '../measure.js'
import { DATABASES } from '../system.js'
import { startTimes, untilFound } from '../workflows.js'

export const dispatch: Measure = {
  title: 'Dispatching tasks that wait: claimed and their workflows started, as configured by default',
  databases: DATABASES,
  run: (size) =>
    inSystem(size, async (system) => {
      const { temporal, main } = system
      await createTasks(system, size.tasks, 16)
      const dispatcher = await system.startDispatcher()
      const parts = { dispatcher: dispatcher.pid, main: main.pid }
      const already = await untilFound(temporal, 1)
      const before = readMachineTime(parts)
      await untilFound(temporal, size.tasks)
      const used = usedBetween(before, readMachineTime(parts))
      await dispatcher.stop()
      const starts = [...(await startTimes(temporal)).values()]
      const count = Math.max(1, size.tasks - already)
      const tasksPerSecond = (1000 * (starts.length - 1)) / (Math.max(...starts) - Math.min(...starts))
      return (bare) => ({
        toBare: tasksPerSecond / bare.startsPerSecond,
        machineToBare: used.all / count / bare.machineMsPerStart,
        dispatcherToBareClient: (used.byPart.dispatcher ?? 0) / count / bare.clientMsPerStart,
        tasksPerSecond,
        machineMsPerTask: used.all / count,
        bareMachineMsPerStart: bare.machineMsPerStart,
        ...perTask(used.byPart, count),
      })
    }),
}
