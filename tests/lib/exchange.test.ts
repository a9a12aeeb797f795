/** A request to main: what becomes of redirects, and of answers that do not come to their end. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exchange } from '@/lib/exchange.js'

const asked: string[] = []
const answers: Record<string, RequestListener> = {
  '/elsewhere': (_, response) => response.writeHead(307, { location: '/secret' }).end('moved'),
  '/endless': (_, response) => response.writeHead(200).write('begun'),
}
let server: Server
let url: string
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    answers[request.url ?? '']?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const ask = (path: string, signal = AbortSignal.timeout(10_000)) =>
  exchange(new URL(path, url), { method: 'POST', headers: { authorization: 'Bearer token' }, body: '{}', signal })

it('a redirect is an answer, and the token goes nowhere else', async () => {
  expect(await ask('/elsewhere')).toEqual({ status: 307, text: 'moved' })
  expect(asked).toEqual(['POST /elsewhere Bearer token'])
})

it('a signal ends it, with its reason', async () => {
  const stopping = new AbortController()
  const reason = new Error('main stops')
  const answer = ask('/endless', stopping.signal)
  server.once('request', () => setImmediate(() => stopping.abort(reason)))
  await expect(answer).rejects.toBe(reason)
})
