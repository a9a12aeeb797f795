/** What main takes on: bodies of users have so much room together, and who may not call takes none of it. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { providerCallbackUrl } from '@/protocol/provider-callback.js'
import { eventually } from '../support/eventually.js'
import { startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { plantTask, TEST_API } from '../support/tasks.js'

const ROOM = 1024 * 1024
const VIDEO = 'fangzhouVideoGeneration'

let main: TestMain
beforeAll(async () => {
  main = await startTestMain({ load: { maxBodyBytes: ROOM } })
})
afterAll(() => main.stop())

/** Announces a body of the whole room, and sends none of it yet. */
async function announce(path: string): Promise<Socket> {
  const { hostname, port } = new URL(main.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write(`POST ${path} HTTP/1.1\r\nhost: main\r\nconnection: close\r\ncontent-length: ${ROOM}\r\n\r\n`)
  return socket
}

async function answerTo(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

it('one body more than there is room for is refused at once, the daemons’ are not, and a body that ends makes room', async () => {
  const slow = await announce('/api/test/run')
  const request = { method: 'POST', body: '{"message":"hello"}' }
  const refused = await eventually(async () => {
    const response = await fetch(`${main.url}/api/test/run`, request)
    expect(response.status).toBe(503)
    return response
  }, 5_000)
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(await refused.json()).toMatchObject({ success: false, error: 'Main is busy; nothing was stored' })
  expect(await main.get('/api/test/tasks/none')).toMatchObject({ status: 404 })
  const apiCallId = await plantTask(main.component.controller)
  const claim = { apiCallId, status: 'queued' }
  expect(await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, claim)).toMatchObject({ status: 200 })

  const answer = answerTo(slow)
  slow.write(request.body.padEnd(ROOM))
  expect(await answer).toMatch(/^HTTP\/1.1 200 /)
  expect(await fetch(`${main.url}/api/test/run`, request)).toMatchObject({ status: 200 })
})

it('what is posted to a provider’s address is not waited for, whether or not the address is a signed one', async () => {
  const of = { taskKey: 'AAAAAAAAAAAAAAAAAAAAAA', attempt: 1 }
  const signed = providerCallbackUrl(main.url, TEST_TOKEN, `${main.url}/api/${VIDEO}/report`, of)
  const { pathname } = new URL(signed)
  const wrong = `${pathname.slice(0, -1)}${pathname.endsWith('A') ? 'E' : 'A'}`
  for (const [path, status] of [
    [wrong, 401],
    [pathname, 200],
  ] as const) {
    const late = new Promise<string>((resolve) => setTimeout(resolve, 5_000, 'not answered').unref())
    expect(await Promise.race([announce(path).then(answerTo), late])).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  }
})
