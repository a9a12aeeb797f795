/** Downloads one of the SDK's servers: `sdk-download.ts <dev-server|time-skipping> <folder>`. */
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { Runtime } from '@temporalio/worker'

const [server, downloadDir] = process.argv.slice(2)
// Its log would drown the one line that says why a download failed.
Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } })

try {
  const executable = { type: 'cached-download', downloadDir } as const
  const environment =
    server === 'dev-server'
      ? await TestWorkflowEnvironment.createLocal({ server: { executable } })
      : await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } })
  await environment.teardown()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message.split('\n')[0] : String(error)}\n`)
  process.exitCode = 1
}
