/** An HTTP server that gives prepared answers, for what no simulator would say. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ProviderEndpoint } from '@/provider-kit/provider/config.js'

/** `reset` breaks the connection; `hang` never answers. */
export type PreparedAnswer = { status?: number; body: unknown; headers?: Record<string, string> } | 'reset' | 'hang'

export interface FakeProvider {
  endpoint: ProviderEndpoint
  requests: Array<{
    method: string
    url: string
    authorization: string | undefined
    headers: IncomingHttpHeaders
    body: unknown
  }>
  stop(): Promise<void>
}

/** Answers the first request with the first answer, and so on. */
export async function startFakeProvider(...answers: PreparedAnswer[]): Promise<FakeProvider> {
  const requests: FakeProvider['requests'] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { method = '', url = '', headers } = request
    const body: unknown = text ? JSON.parse(text) : undefined
    requests.push({ method, url: `http://provider${url}`, authorization: headers.authorization, headers, body })
    const answer = answers.shift()
    if (answer === 'reset' || answer === undefined) request.socket.destroy()
    else if (answer !== 'hang') {
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    requests,
    endpoint: {
      baseUrl: `http://127.0.0.1:${port}/`,
      apiKey: 'the-key',
      model: 'the-model',
      requestTimeoutMs: 30_000,
      simulated: false,
    },
    async stop() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
