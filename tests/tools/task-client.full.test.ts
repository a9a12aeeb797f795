/** The client that the demo uses, before a main whose answers are lost. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { TaskClient } from '@/tools/stack/task-client.js'
import { startTestMain, type TestMain } from '../support/main.js'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void | Promise<void>

let main: TestMain
let server: Server | undefined
beforeAll(async () => {
  main = await startTestMain()
})
afterEach(() => server?.close())
afterAll(() => main.stop())

/** A client of a server that answers as told. */
async function clientOf(handle: Handler): Promise<TaskClient> {
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => (body += chunk))
    request.on('end', () => void handle(request, response, body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new TaskClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

it('a create whose answer is lost is asked for again, and makes one task', async () => {
  const keys: unknown[] = []
  const answers: string[] = []
  const client = await clientOf(async (request, response, body) => {
    keys.push(request.headers['idempotency-key'])
    const { url = '', method = '', headers } = request
    const passed = { 'content-type': 'application/json', 'idempotency-key': String(headers['idempotency-key']) }
    const answer = await fetch(main.url + url, { method, headers: passed, body })
    answers.push(await answer.text())
    if (answers.length === 1) return void request.socket.destroy()
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answers.at(-1))
  })
  const id = await client.create('test', { message: 'once' })
  expect(answers).toEqual([`{"taskId":"${id}"}`, `{"taskId":"${id}"}`])
  expect(keys).toEqual([expect.stringMatching(/^"[\w-]{36}"$/), keys[0]])
  const { body } = await main.internalGet('/api/testAsyncTask/fetchPendingTasks')
  expect(body.tasks.map((task: { taskKey: string }) => task.taskKey)).toEqual([id])
})

it('a create is asked for again where main says so, and not where it is refused', async () => {
  const answers: Array<[number, Record<string, string>]> = [
    [409, { 'retry-after': '0' }],
    [503, { 'retry-after': '0' }],
    [422, {}],
  ]
  const given: number[] = []
  const client = await clientOf((_request, response) => {
    const [status, headers] = answers[given.length] ?? [200, {}]
    given.push(status)
    response.writeHead(status, headers).end('{"success":false}')
  })
  await expect(client.create('test', {})).rejects.toMatchObject({ status: 422 })
  expect(given).toEqual([409, 503, 422])
})
