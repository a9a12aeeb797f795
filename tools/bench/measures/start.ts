/** Main and the daemon of this repository's integrations: how long until ready, with workflow bundles that are there or not. */
import { rmSync } from 'node:fs'
import { timed } from '../between-bare.js'
import type { Measure } from '../measure.js'
import { BenchSystem } from '../system.js'

const BUNDLES = 'dist/.cache/workflow-bundles'

export const start: Measure = {
  title: 'Starting main, and the daemon with the three integrations, built as for production',
  databases: ['pglite'],
  run: ({ database }) =>
    BenchSystem.with({ database, built: true }, async (system) => {
      const [, mainReadyMs] = await timed(() => system.restartMain())
      const daemonReadyMs = async () => {
        const [daemon, ms] = await timed(() => system.stack.startDaemon())
        await daemon.stop()
        return ms
      }
      rmSync(BUNDLES, { recursive: true })
      const daemonReadyWithoutBundlesMs = await daemonReadyMs()
      return { daemonReadyMs: await daemonReadyMs(), daemonReadyWithoutBundlesMs, mainReadyMs }
    }),
}
