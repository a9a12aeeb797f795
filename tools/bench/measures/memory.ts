/** Main and the daemon while there is nothing to do. */
import { setTimeout as delay } from 'node:timers/promises'
import { readMachineTime, residentMegabytes, usedBetween } from '../machine-time.js'
import type { Measure } from '../measure.js'
import { BenchSystem, DATABASES } from '../system.js'

export const memory: Measure = {
  title: 'Main and the daemon with the three integrations, built as for production, idle',
  databases: DATABASES,
  run: ({ database, seconds }) =>
    BenchSystem.with({ database, built: true }, async (system) => {
      const [main, daemon] = [system.main, await system.stack.startDaemon()]
      await delay(300 * seconds)
      const parts = { main: main.pid, daemon: daemon.pid }
      const before = readMachineTime(parts)
      await delay(500 * seconds)
      const { byPart } = usedBetween(before, readMachineTime(parts))
      return {
        mainMegabytes: residentMegabytes(main.pid),
        daemonMegabytes: residentMegabytes(daemon.pid),
        mainCores: (byPart.main ?? 0) / (500 * seconds),
        daemonCores: (byPart.daemon ?? 0) / (500 * seconds),
      }
    }),
}
