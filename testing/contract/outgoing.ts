/** What this process sends out over HTTP, by whatever client, as texts to look through. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

/** A request, and the host and port that it goes to. */
export interface Outgoing {
  host: string
  text: string
}

interface UndiciRequest {
  origin?: string | URL
  path?: string
  headers?: unknown
  body?: unknown
}

interface NodeRequest {
  getHeaders(): object
  getHeader(name: string): unknown
  path: string
}

/** @returns what ends it */
export function watchOutgoing(saw: (request: Outgoing) => void): () => void {
  const undici = (message: unknown) => {
    const { origin = '', path = '', headers, body } = (message as { request: UndiciRequest }).request
    const sent = typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body).toString() : ''
    saw({ host: new URL(String(origin)).host, text: [path, JSON.stringify(headers), sent].join('\n') })
  }
  const node = (message: unknown) => {
    const { request } = message as { request: NodeRequest }
    saw({
      host: String(request.getHeader('host')),
      text: [request.path, JSON.stringify(request.getHeaders())].join('\n'),
    })
  }
  subscribe('undici:request:create', undici)
  subscribe('http.client.request.start', node)
  return () => {
    unsubscribe('undici:request:create', undici)
    unsubscribe('http.client.request.start', node)
  }
}
