/** What activities tell, and what the daemon logs, is free of the process's secrets, whoever wrote the activity. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { expect, inject, it } from 'vitest'
import { WorkerManager } from '@/async-task-component/worker-manager.js'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import { TEST_TOKEN } from '@/testing/protocol-main.js'
import { readable, SecretScanner } from '@/testing/scanner.js'
import { ALPHA_QUEUE, activityContext, createTemporalNamespace, FIXTURES, silent, uniqueName } from './support.js'

const scanner = new SecretScanner({ TOKEN: TEST_TOKEN })
const leaks = (text: string) => scanner.find({ where: 'it', text })

it('an activity that returns or throws a secret tells Temporal nothing of it', async () => {
  const connection = await Connection.connect({ address: inject('temporalAddress') })
  const namespace = await createTemporalNamespace(connection)
  const workers = new WorkerManager(inject('temporalAddress'), namespace, {
    activityContext,
    logger: silent,
    shutdownGraceMs: 500,
  })
  try {
    await workers.connect()
    workers.createWorkers((await collectIntegrationWorkflows(FIXTURES)).filter(({ name }) => name === 'alpha'))
    await workers.startAll()
    const client = new Client({ connection, namespace })
    const workflowId = uniqueName('leaking')
    const handle = await client.workflow.start('leakingWorkflow', { taskQueue: ALPHA_QUEUE, workflowId })
    await expect(handle.result()).rejects.toThrow()
    const history = readable(await handle.fetchHistory())
    expect(history).toContain('It is [key]')
    expect(leaks(history)).toEqual([])
  } finally {
    await workers.disconnect()
    await connection.close()
  }
})

it('a line of the log has none, in whatever field and form', async () => {
  const script = `
    import { createLogger } from './async-task-component/logger.js'
    import { createRedactor } from './lib/redaction.js'
    const secret = ${JSON.stringify(TEST_TOKEN)}
    const logger = createLogger(createRedactor([secret]))
    logger.child({ secret }).warn({ err: new Error(secret, { cause: new Error(secret) }), url: encodeURIComponent(secret) }, secret)`
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: root },
  )
  expect(JSON.parse(stdout)).toMatchObject({ msg: '[key]', secret: '[key]', url: '[key]' })
  expect(leaks(stdout)).toEqual([])
})
