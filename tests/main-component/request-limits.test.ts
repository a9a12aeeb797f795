/** `setLimits` of the requests to a provider: Temporal holds it, over all daemons, whatever they are configured with. */
import { Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { providerTaskQueue } from '@/protocol/names.js'
import { createTemporalNamespace } from '../async-task-component/support.js'
import { startTestMain, type TestMain } from '../support/main.js'

const OPERATOR = { authorization: 'Bearer operator-token-0123456789' }
const VIDEOS = '/api/fangzhouVideoGeneration'
const QUEUE = providerTaskQueue('integration-fangzhouvideogeneration-queue')
const ACTIVITY_QUEUE = 2

let connection: Connection
let namespace: string
let main: TestMain
beforeAll(async () => {
  connection = await Connection.connect({ address: inject('temporalAddress') })
  namespace = await createTemporalNamespace(connection)
  main = await start(inject('temporalAddress'))
})
afterAll(async () => {
  await main?.stop()
  await connection?.close()
})

const start = (temporalAddress: string) =>
  startTestMain({ operatorToken: 'operator-token-0123456789', temporalAddress, temporalNamespace: namespace })
const set = (of: TestMain, path: string, requestsPerMinute: number | null) =>
  of.post(`${path}/setLimits`, { by: 'anna', reason: 'their quota is lower', requestsPerMinute }, OPERATOR)

/** As Temporal has it, in requests a second. */
async function limitInTemporal(): Promise<number | undefined> {
  const taskQueue = { name: QUEUE }
  const asked = { namespace, taskQueue, taskQueueType: ACTIVITY_QUEUE, reportConfig: true }
  const { config } = await connection.workflowService.describeTaskQueue(asked)
  return config?.queueRateLimit?.rateLimit?.requestsPerSecond ?? undefined
}

it('is in force in Temporal until it is given back, shown, and recorded', async () => {
  expect(await set(main, VIDEOS, 90)).toMatchObject({
    status: 200,
    body: { requestsPerMinute: { configured: 600, set: 90 }, maxTasksInFlight: { set: null } },
  })
  expect(await limitInTemporal()).toBe(1.5)
  const { body } = await main.get(`${VIDEOS}/operatorActs`, OPERATOR)
  expect(body.acts[0]).toMatchObject({ act: 'setLimits', by: 'anna', outcome: { limits: { requestsPerMinute: 90 } } })
  expect(await set(main, VIDEOS, null)).toMatchObject({ body: { requestsPerMinute: { set: null } } })
  expect(await limitInTemporal()).toBeUndefined()
})

it('is refused where nothing is asked of a provider', async () => {
  expect(await set(main, '/api/testAsyncTask', 90)).toMatchObject({ status: 409, body: { reason: 'no_provider' } })
  expect((await main.get('/api/testAsyncTask/integrationState', OPERATOR)).body.requestsPerMinute).toBeNull()
})

it('changes nothing while Temporal is away', async () => {
  const alone = await start('127.0.0.1:1')
  try {
    expect(await set(alone, VIDEOS, 90)).toMatchObject({ status: 503 })
    const { body } = await alone.get(`${VIDEOS}/integrationState`, OPERATOR)
    expect(body.requestsPerMinute).toEqual({ configured: 600, set: null })
    expect((await alone.get(`${VIDEOS}/operatorActs`, OPERATOR)).body.acts).toEqual([])
  } finally {
    await alone.stop()
  }
})
