/** Stands between the daemon and main: counts requests, and lets those hang that it is told to. */
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Gateway {
  url: string
  /** Requests so far. */
  count: number
  /** Whether a request to this path gets no answer. */
  hangs: (path: string) => boolean
  stop(): Promise<void>
}

export async function startGateway(target: string): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 })
  const server = createServer((incoming, outgoing) => {
    gateway.count += 1
    const path = incoming.url ?? '/'
    if (gateway.hangs(path)) return void incoming.resume()
    const { method = 'GET', headers } = incoming
    const onward = request(new URL(path, target), { method, headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    // Whoever gives up at one end does at the other.
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const gateway: Gateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: 0,
    hangs: () => false,
    async stop() {
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return gateway
}
