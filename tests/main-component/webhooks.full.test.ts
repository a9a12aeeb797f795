/** Main is killed between sending a webhook and noting it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { databaseOf, physicalEntity } from '@/tasks/database/sql.js'
import { eventually } from '../support/eventually.js'
import { startMainProcess, startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_API, TEST_TASKS } from '../support/tasks.js'
import { type Receiver, WEBHOOK_SECRET as secret, startReceiver } from '../support/webhooks.js'

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
})
afterAll(() => receiver.stop())

it('another main sends it again, with the same id, once the lease is over', async () => {
  const databaseUrl = await createDatabase()
  const first = await startMainProcess({
    DATABASE_URL: databaseUrl,
    WEBHOOK_SECRET: secret,
    WEBHOOK_PRIVATE_HOSTS: '127.0.0.1',
  })
  let main: TestMain | undefined
  try {
    receiver.answer = () => first.kill()
    const { body } = await first.post('/api/test/run', { kind: 'simple', webhook: receiver.url })
    const { taskId } = body
    await first.internalPost(`${TEST_API}/cancelTask`, { apiCallId: taskId, by: 'anna' }).catch(() => {})
    const [lost] = await receiver.got(1)
    expect(lost?.id).toBe(`${taskId}_cancelled_0`)
    receiver.answer = (response) => response.writeHead(204).end()

    main = await startTestMain({ databaseUrl, webhooks: { secret, privateHosts: ['127.0.0.1'] } })
    const { get, component } = main
    const { controller } = component
    const { table, column } = physicalEntity(controller, TEST_TASKS.apiCall)
    const due = column('webhookDueAt')
    const leased = `UPDATE ${table} SET ${due} = ${due} - 60 WHERE ${due} > $1 RETURNING 1`
    expect(await databaseOf(controller).query(leased, [Date.now() / 1000])).toHaveLength(1)
    const [, again] = await receiver.got(2)
    expect([again?.id, again?.body]).toEqual([lost?.id, lost?.body])
    await eventually(async () => {
      const { timeline } = (await get(`/api/test/tasks/${taskId}`)).body
      expect(timeline.map(({ type }: { type: string }) => type)).toEqual(['cancelled', 'webhookDelivered'])
    })
  } finally {
    first.kill()
    await main?.stop()
  }
})
