/** Workers as Temporal's SDK makes them, from bundles that are there: one for each name that it is given. */
import { join } from 'node:path'
import { NativeConnection, Runtime, Worker } from '@temporalio/worker'
import * as activities from '../../../integrations/test-async-task/activities/index.js'
import { benchQueue } from '../bare.js'

const { TEMPORAL_ADDRESS = '', BENCH_BUNDLES = '' } = process.env
Runtime.install({ shutdownSignals: [] })
const connection = await NativeConnection.connect({ address: TEMPORAL_ADDRESS })
const workers = await Promise.all(
  process.argv.slice(2).map((name) =>
    Worker.create({
      connection,
      taskQueue: benchQueue(name),
      workflowBundle: { codePath: join(BENCH_BUNDLES, `${name}.js`) },
      activities: {
        ...activities,
        // What reports to main does nothing: there is none.
        beginAttempt: async () => ({ accepted: true, begun: { openIntents: [] } }),
        reportAttempt: async () => ({ accepted: true }),
      },
    }),
  ),
)
const runs = workers.map((worker) => worker.run())
process.once('SIGTERM', () => {
  for (const worker of workers) worker.shutdown()
})
process.send?.({ type: 'ready' })
await Promise.all(runs)
await connection.close()
process.exit(0)
