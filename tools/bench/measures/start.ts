/** Main and the daemon of this repository's integrations: how long until ready, with workflow bundles that are there or not. */
import { timed } from '../between-bare.js'
import { withFolder } from '../many.js'
import type { Measure } from '../measure.js'
import { BenchSystem } from '../system.js'

export const start: Measure = {
  title: 'Starting main, and the daemon with the three integrations',
  databases: ['pglite'],
  run: ({ database }) =>
    withFolder(0, (folder) =>
      BenchSystem.with({ database, env: { BENCH_FOLDER: folder } }, async (system) => {
        const [, mainReadyMs] = await timed(() => system.restartMain())
        const daemonReadyMs = async () => {
          const [daemon, ms] = await timed(() => system.startProcess('application', ['daemon']))
          await daemon.stop()
          return ms
        }
        const daemonReadyWithoutBundlesMs = await daemonReadyMs()
        return { daemonReadyMs: await daemonReadyMs(), daemonReadyWithoutBundlesMs, mainReadyMs }
      }),
    ),
}
