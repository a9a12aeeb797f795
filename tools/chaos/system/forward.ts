/** Passes a request on, and reads what is answered. */
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

/** @param drops whether the request ends if its caller gives up */
export async function send(
  target: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  body: Buffer,
  drops: boolean,
): Promise<Answer> {
  // Keeps the caller's Host header: a simulator builds its files' URLs from it.
  const { connection: _, 'transfer-encoding': __, ...headers } = incoming.headers
  const passed = request({
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: { ...headers, 'content-length': body.length },
    agent: false,
  })
  const giveUp = () => drops && passed.destroy()
  outgoing.once('close', giveUp)
  // Reported to the waiting code below, or, after the answer has begun, through the answer itself.
  passed.on('error', () => {})
  passed.end(body)
  try {
    const [answer] = (await once(passed, 'response')) as [IncomingMessage]
    const { 'transfer-encoding': ___, connection: ____, ...answerHeaders } = answer.headers
    const answerBody = await readAll(answer)
    return { status: answer.statusCode ?? 502, headers: answerHeaders, body: answerBody }
  } finally {
    outgoing.off('close', giveUp)
  }
}

export async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Images are megabytes of JSON, which the log does not need. */
const MAX_LOGGED_BYTES = 50_000

export function parse(body: Buffer): unknown {
  if (body.length > MAX_LOGGED_BYTES) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
