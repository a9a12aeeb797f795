/** A main and a daemon of many integrations without a task. */
import { setTimeout as delay } from 'node:timers/promises'
import { startGateway } from '../gateway.js'
import { readMachineTime, residentMegabytes, usedBetween } from '../machine-time.js'
import { bundleMany, withFolder } from '../many.js'
import type { Measure } from '../measure.js'
import { BenchSystem } from '../system.js'

const INTEGRATIONS = 50
/** How many times longer than other things it is watched: requests are rare. */
const TIMES = 6

export const idle: Measure = {
  title: `A main and a daemon of ${INTEGRATIONS} integrations without a task`,
  databases: ['postgresql'],
  once: true,
  run: ({ database, seconds, integrations = INTEGRATIONS }) =>
    withFolder(integrations, async (folder) => {
      await bundleMany(folder, integrations)
      const env = { BENCH_FOLDER: folder, BENCH_INTEGRATIONS: String(integrations) }
      return BenchSystem.with({ database, env, startsMain: false }, async (system) => {
        const main = await system.startProcess('application', ['main'])
        const gateway = await startGateway(system.stack.mainUrl)
        try {
          const daemon = await system.startProcess('application', ['daemon'], { MAIN_URL: gateway.url })
          // By then their first long polls are over, which tell them that there are no runs to check.
          await delay(3000 * seconds)
          const parts = { main: main.pid, daemon: daemon.pid }
          const [before, asked] = [readMachineTime(parts), gateway.count]
          await delay(TIMES * 1000 * seconds)
          const { byPart } = usedBetween(before, readMachineTime(parts))
          const minutes = (TIMES * seconds) / 60
          const cores = (part: string) => (byPart[part] ?? 0) / (TIMES * 1000 * seconds)
          const figures = {
            requestsPerMinuteAndIntegration: (gateway.count - asked) / minutes / integrations,
            mainCores: cores('main'),
            daemonCores: cores('daemon'),
            postgresCores: cores('postgres'),
            parkedRequests: integrations,
            mainMegabytes: residentMegabytes(main.pid),
            daemonMegabytes: residentMegabytes(daemon.pid),
          }
          await daemon.stop()
          return figures
        } finally {
          await gateway.stop()
        }
      })
    }),
}
