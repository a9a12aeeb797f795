/** The daemon of many integrations, beside as many Workers as Temporal's SDK makes them from the same bundles. */
import { setTimeout as delay } from 'node:timers/promises'
import { names } from '../bench-application.js'
import { timed } from '../between-bare.js'
import { residentMegabytes } from '../machine-time.js'
import { bundleMany, bundlesOf, withFolder } from '../many.js'
import type { Measure } from '../measure.js'
import { BenchSystem } from '../system.js'

const INTEGRATIONS = 20

export const workers: Measure = {
  title: `A daemon of ${INTEGRATIONS} integrations beside ${INTEGRATIONS} bare Workers, from bundles that are there`,
  databases: ['pglite'],
  once: true,
  run: ({ database, seconds, integrations = INTEGRATIONS }) =>
    withFolder(integrations, async (folder) => {
      await bundleMany(folder, integrations)
      const env = { BENCH_FOLDER: folder, BENCH_INTEGRATIONS: String(integrations), BENCH_BUNDLES: bundlesOf(folder) }
      return BenchSystem.with({ database, env, startsMain: false }, async (system) => {
        const look = async (name: string, args: string[]) => {
          const [child, readyMs] = await timed(() => system.startProcess(name, args))
          await delay(300 * seconds)
          const megabytes = residentMegabytes(child.pid)
          await child.stop()
          return { readyMs, megabytes }
        }
        await system.startProcess('application', ['main'])
        const bare = await look('bare-workers', names(integrations))
        const daemon = await look('application', ['daemon'])
        return {
          readyToBare: daemon.readyMs / bare.readyMs,
          megabytesToBare: daemon.megabytes / bare.megabytes,
          readyMs: daemon.readyMs,
          bareReadyMs: bare.readyMs,
          megabytes: daemon.megabytes,
          bareMegabytes: bare.megabytes,
        }
      })
    }),
}
