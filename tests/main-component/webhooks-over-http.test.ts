/** Webhooks as users ask main for them: what may be named, and that nothing tells the secret. */
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { databaseOf, physicalEntity } from '@/tasks/database/sql.js'
import { eventually } from '../support/eventually.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_API, TEST_TASKS } from '../support/tasks.js'
import { isSigned, type Receiver, WEBHOOK_SECRET as secret, startReceiver } from '../support/webhooks.js'

const log: string[] = []
const logger = pino(
  { level: 'trace' },
  new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  }),
)

let databaseUrl: string
let receiver: Receiver
let main: TestMain
beforeAll(async () => {
  databaseUrl = await createDatabase()
  receiver = await startReceiver()
  main = await startTestMain({ databaseUrl, logger, webhooks: { secret, privateHosts: ['127.0.0.1'] } })
})
afterAll(async () => {
  await main.stop()
  await receiver.stop()
})

const create = (webhook: unknown, headers = {}) => main.post('/api/test/run', { kind: 'simple', webhook }, headers)

it.each<[unknown, unknown]>([
  ['http://hooks.example.org/', 'must be an https URL'],
  ['ftp://127.0.0.1/', 'must be an https URL'],
  ['hooks.example.org', 'must be an https URL'],
  [7, expect.stringMatching(/./)],
  ['https://anna:secret@hooks.example.org/', 'must not contain a user name or a password'],
  ...['10.0.0.1', '192.168.1.1', '169.254.169.254', '[::1]', '0x7f.1.1', 'localhost', 'main', 'hooks.internal'].map(
    (host): [string, string] => [`https://${host}/`, 'must not lead to this machine or a private network'],
  ),
])('%s is refused: %s', async (webhook, message) => {
  const answer = await create(webhook)
  expect(answer).toMatchObject({ status: 400, body: { fields: [{ field: 'webhook', message }] } })
})

it('the end is told, shown in the timeline, and the secret is nowhere', async () => {
  const created = await create(receiver.url)
  expect(created).toMatchObject({ status: 200, body: { taskId: expect.any(String) } })
  const { taskId } = created.body
  const apiCallId = await main.rowIdOf(taskId)
  const result = { success: true, steps: ['one'] }
  const report = { apiCallId, attempt: 1, runId: 'run-1', status: 'completed', result }
  expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, report)).toMatchObject({ status: 200 })
  const [message] = await receiver.got(1)
  expect(message && isSigned(message, secret)).toBe(true)
  expect(JSON.parse(message?.body ?? '')).toMatchObject({ data: { namespace: 'test', taskId, result } })
  const shown = await eventually(async () => {
    const { body } = await main.get(`/api/test/tasks/${taskId}`)
    expect(body.timeline.at(-1)).toMatchObject({ type: 'webhookDelivered', attempt: 1 })
    return body
  })
  expect(log.join('')).toContain('webhook delivered')

  const { controller } = main.component
  const rows = await Promise.all(
    ['TestTask', TEST_TASKS.apiCall, TEST_TASKS.integrationEvent].map((name) =>
      databaseOf(controller).query(`SELECT * FROM ${physicalEntity(controller, name).table}`, []),
    ),
  )
  const document = await main.get('/openapi.json')
  const everything = JSON.stringify([shown, rows, document.body, log, receiver.seen])
  expect(everything).toContain(taskId)
  expect(everything).not.toContain(secret.slice('whsec_'.length))
})

it('an idempotency key is of one webhook', async () => {
  const key = { 'idempotency-key': '"of-one-webhook"' }
  const first = await create('https://hooks.example.org/a', key)
  expect(await create('https://hooks.example.org/a', key)).toEqual(first)
  expect(await create('https://hooks.example.org/b', key)).toMatchObject({ status: 422 })
})

it('the document names the field; a main without a secret has no such field', async () => {
  const fieldOf = async ({ url }: TestMain) => {
    const document = await (await fetch(`${url}/openapi.json`)).json()
    const { schema } = document.paths['/api/test/run'].post.requestBody.content['application/json']
    return schema.properties.webhook
  }
  expect(await fieldOf(main)).toMatchObject({ type: 'string', format: 'uri' })
  const silent = await startTestMain({ databaseUrl })
  try {
    expect(await fieldOf(silent)).toBeUndefined()
    const answer = await silent.post('/api/test/run', { kind: 'simple', webhook: receiver.url })
    expect(answer).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'webhook', message: 'is not a known field' }] },
    })
  } finally {
    await silent.stop()
  }
})
