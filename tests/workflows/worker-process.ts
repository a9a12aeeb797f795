/** Workers as a process of their own, for a test to kill. It says when they run, and which runs they have stopped. */
import { NativeConnection } from '@temporalio/worker'
import { createStoppingWorkers, type StoppingWorkersOptions } from './stopping-workers.js'

export interface WorkerProcessOptions extends StoppingWorkersOptions {
  temporalAddress: string
}

export type WorkerProcessMessage = { type: 'ready' } | { type: 'stopped'; workflowId: string }

const { temporalAddress, ...options } = JSON.parse(process.argv[2] ?? '') as WorkerProcessOptions
const tell = (message: WorkerProcessMessage) => process.send?.(message)
// The test's process is gone.
process.once('disconnect', () => process.exit(1))

const connection = await NativeConnection.connect({ address: temporalAddress })
const workers = await createStoppingWorkers(connection, options, (workflowId) => {
  tell({ type: 'stopped', workflowId })
  // Whoever is stopped here goes on elsewhere.
  return new Promise(() => {})
})
tell({ type: 'ready' })
await Promise.all(workers.map((worker) => worker.run()))
