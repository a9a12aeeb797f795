/** Dispatching by one, two and four mains and daemons on one PostgreSQL, all on this machine. */
import { createTasks } from '../between-bare.js'
import type { Figures, Measure, Size } from '../measure.js'
import { BenchSystem } from '../system.js'
import { startTimes, untilFound } from '../workflows.js'

const COUNTS = [1, 2, 4]
/** Of each: with fewer there is nothing to share. */
const LEAST_TASKS = 5

export const several: Measure = {
  title: 'Dispatching by several mains and daemons on one database',
  databases: ['postgresql'],
  once: true,
  async run(size) {
    const figures: Figures = {}
    for (const count of COUNTS) {
      if (count * LEAST_TASKS <= size.tasks) figures[`tasksPerSecondBy${count}`] = await tasksPerSecondBy(count, size)
    }
    return figures
  },
}

function tasksPerSecondBy(count: number, { database, tasks }: Size): Promise<number> {
  return BenchSystem.with({ database }, async (system) => {
    const { temporal, stack } = system
    await createTasks(system, tasks, 16)
    const urls = [stack.mainUrl]
    while (urls.length < count) urls.push(await system.startAnotherMain())
    await Promise.all(urls.map((url) => system.startDispatcher(url)))
    await untilFound(temporal, tasks)
    const starts = [...(await startTimes(temporal)).values()]
    return (1000 * (starts.length - 1)) / (Math.max(...starts) - Math.min(...starts))
  })
}
