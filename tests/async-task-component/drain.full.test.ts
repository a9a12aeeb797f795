/** A rolling restart: the worker stops while a request is under way, and another goes on. */
import { Client, Connection, WorkflowFailedError } from '@temporalio/client'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain } from '@/testing/protocol-main.js'
import { createImageGatewaySimulator, type Simulator } from '@/tools/simulators/index.js'
import { eventually } from '../support/eventually.js'
import { IMAGE_WORKFLOW, startImageWorkers } from './image-workers.js'
import { createTemporalNamespace, uniqueName } from './support.js'

const NAMESPACE = uniqueName('drained')

let main: ProtocolMain
let connection: Connection
let temporalNamespace: string
let gateway: Simulator
beforeEach(async () => {
  main = await ProtocolMain.start()
  connection = await Connection.connect({ address: inject('temporalAddress') })
  temporalNamespace = await createTemporalNamespace(connection)
})
afterEach(async () => {
  await gateway.stop()
  await connection.close()
  await main.stop()
})

/** Has an image made, stops the worker once the gateway is at it, and gives the run to another. */
async function restartAmid({ latencyMs, shutdownGraceMs }: { latencyMs: number; shutdownGraceMs: number }) {
  gateway = createImageGatewaySimulator({ latencyMs })
  const { url: gatewayUrl } = await gateway.start()
  const workersOptions = { temporalNamespace, main, gatewayUrl, shutdownGraceMs }
  const first = await startImageWorkers(workersOptions)
  const { taskKey } = main.add(NAMESPACE, 'task-1')
  main.apply('task-1', { status: 'queued', fencingToken: 'its-first-claim' })
  const { config } = main.config(NAMESPACE)
  const run = await new Client({ connection, namespace: temporalNamespace }).workflow.start(IMAGE_WORKFLOW, {
    taskQueue: first.taskQueue,
    workflowId: attemptWorkflowId(NAMESPACE, 'task-1', taskKey, 1),
    args: [
      {
        apiCallId: 'task-1',
        taskKey,
        attempt: 1,
        requestParams: { prompt: 'A lighthouse in fog' },
        callbackUrl: config.internalAPIs.reportTaskEvent,
      },
    ],
  })
  await eventually(() => expect(gateway.requests).toHaveLength(1))
  await first.stop()

  const next = await startImageWorkers(workersOptions)
  // One that failed is Failed in Temporal, too: its state tells why.
  await run.result().catch((error: unknown) => expect(error).toBeInstanceOf(WorkflowFailedError))
  await next.stop()
  return main.task('task-1').state
}

it('lets a request within the grace time end: nothing is asked for again, and no attempt is used up', async () => {
  const state = await restartAmid({ latencyMs: 3000, shutdownGraceMs: 30_000 })

  expect(state).toMatchObject({ status: 'completed', attempts: 1, openIntents: [] })
  expect(main.reports('task-1').map(({ status }) => status)).toEqual(['begin', 'processing', 'completed'])
  expect(gateway.requests).toHaveLength(1)
})

it('cuts off a request that outlasts it: whether there is an image to pay for is not known then', async () => {
  const state = await restartAmid({ latencyMs: 3_600_000, shutdownGraceMs: 1000 })

  expect(state).toMatchObject({ status: 'failed', retryable: false, error: { code: 'create_answer_lost' } })
  expect(gateway.requests).toHaveLength(1)
})
