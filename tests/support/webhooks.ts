/** A receiver of webhooks, and a sender of a test's own. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from './eventually.js'

export const WEBHOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export interface Received {
  path: string
  id: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Receiver {
  url: string
  host: string
  seen: Received[]
  /** What it does with each message. Default: 204. */
  answer: (response: ServerResponse, message: Received) => void
  /** Waits until so many messages have come. */
  got(count: number): Promise<Received[]>
  stop(): Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const seen: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { headers, url: path = '' } = request
    const message = { path, id: String(headers['webhook-id']), headers, body }
    seen.push(message)
    receiver.answer(response, message)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const receiver: Receiver = {
    url: `http://${host}/hook`,
    host,
    seen,
    answer: (response) => response.writeHead(204).end(),
    got: (count) =>
      eventually(() => {
        if (seen.length < count) throw new Error(`${seen.length} of ${count} messages have come`)
        return seen
      }),
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return receiver
}

/** Verifies a message as its receiver does, by the specification alone. */
export function isSigned({ headers, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
  const age = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))
  return age < 300 && String(headers['webhook-signature']).split(' ').includes(expected)
}
