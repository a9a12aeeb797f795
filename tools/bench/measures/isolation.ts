/** How one integration's trouble affects the others: its main endpoint hangs, its bundle fails, its provider answers 429. */

import { createImageGatewaySimulator } from '../../simulators/index.js'
import { createTasks } from '../between-bare.js'
import { startGateway } from '../gateway.js'
import { plantBroken, removeBroken, withFolder } from '../many.js'
import type { Measure } from '../measure.js'
import { percentile } from '../statistics.js'
import { BenchSystem } from '../system.js'
import { untilFound } from '../workflows.js'
import { pickUps } from './pickup.js'

const MOST_TASKS = 150
/** So that two cores complete what comes: eight a second. */
const APART_MS = 250
const THROTTLED_TASKS = 20
const HANGING = '/api/fangzhouVideoGeneration/'

export const isolation: Measure = {
  title: 'Picking up tasks while others are in trouble: an endpoint hangs, a bundle fails, a provider answers 429',
  databases: ['postgresql'],
  once: true,
  run: ({ database, tasks }) =>
    withFolder(0, async (folder) => {
      const images = createImageGatewaySimulator({ faults: { rateLimited: '100%' } })
      const { url } = await images.start()
      const env = { BENCH_FOLDER: folder, IMAGE_SIMULATOR_URL: url }
      try {
        return await BenchSystem.with({ database, env }, async (system) => {
          const gateway = await startGateway(system.stack.mainUrl)
          const count = Math.min(MOST_TASKS, tasks)
          let already = 0
          const look = async () => {
            const daemon = await system.startProcess('application', ['daemon'], { MAIN_URL: gateway.url })
            await createTasks(system, 1, 1)
            await untilFound(system.temporal, already + 1)
            const { fromAnswer } = await pickUps(system, count, already + 1, APART_MS)
            already += count + 1
            await daemon.stop()
            return { p50: percentile(fromAnswer, 0.5), p99: percentile(fromAnswer, 0.99) }
          }
          // The first one bundles.
          await (await system.startProcess('application', ['daemon'])).stop()
          try {
            const before = await look()
            plantBroken(folder)
            gateway.hangs = (path) => path.startsWith(HANGING)
            const requests = Array.from({ length: THROTTLED_TASKS }, () => ({ prompt: 'A lighthouse in fog' }))
            await Promise.all(requests.map((request) => system.tasks.create('image', request)))
            const amid = await look()
            removeBroken(folder)
            gateway.hangs = () => false
            const after = await look()
            const calm = (quantile: 'p50' | 'p99') => (before[quantile] + after[quantile]) / 2
            return {
              p99ToCalm: amid.p99 / calm('p99'),
              p50ToCalm: amid.p50 / calm('p50'),
              p99Ms: amid.p99,
              calmP99Ms: calm('p99'),
              p50Ms: amid.p50,
              calmP50Ms: calm('p50'),
            }
          } finally {
            await gateway.stop()
          }
        })
      } finally {
        await images.stop()
      }
    }),
}
