/** An HTTP proxy between processes that can disturb requests. It also logs what passed. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../random.js'
import type { HttpFault } from '../schedule.js'

/** A POST that the target received and answered, whether or not the caller got the answer. */
export interface Exchange {
  path: string
  /** The request's body. */
  asked: unknown
  status: number
  answered: unknown
  /** Unix milliseconds: when it was passed on, and when the target's answer arrived. */
  sentAt: number
  answeredAt: number
}

export interface Disturbance {
  kind: HttpFault
  /** Of the requests, in (0, 1]. */
  share: number
}

/** Long enough that some callers give up first, and the request arrives after that. */
const DELAY_MS = { shortest: 200, longest: 5_000 }

export class FaultProxy {
  readonly exchanges: Exchange[] = []
  /** Requests disturbed so far, by kind. */
  readonly disturbed: Record<HttpFault, number> = { delay: 0, 'drop-answer': 0, 'answer-5xx': 0, 'half-open': 0 }
  readonly #disturbances = new Set<Disturbance>()
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #turn = 0
  #cut = false

  private constructor(
    private readonly targets: readonly URL[],
    private readonly random: Random,
  ) {
    this.#server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => incoming.socket.destroy())
    })
    // Node's own limits would end connections that must stay half open.
    this.#server.requestTimeout = 0
    this.#server.on('connection', (socket) => {
      if (this.#cut) return socket.destroy()
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** @param targets taken in turn; one that refuses the connection is passed over, as a load balancer does */
  static async to(targets: readonly string[], random: Random): Promise<FaultProxy> {
    const proxy = new FaultProxy(
      targets.map((target) => new URL(target)),
      random,
    )
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Disturbs requests until the returned function is called. */
  disturb(disturbance: Disturbance): () => void {
    this.#disturbances.add(disturbance)
    return () => this.#disturbances.delete(disturbance)
  }

  /** Breaks every connection and refuses new ones, until the returned function is called. */
  cut(): () => void {
    this.#cut = true
    this.#dropAll()
    return () => {
      this.#cut = false
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#dropAll()
    await closed
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming)
    const fault = this.#drawFault()
    if (fault === 'answer-5xx') {
      outgoing.writeHead(this.random.pick([500, 502, 503]), { 'content-type': 'application/json' })
      return void outgoing.end('{"success":false,"error":"the fault proxy says so"}')
    }
    // Half of the half-open requests never arrive at the target.
    if (fault === 'half-open' && this.random.next() < 0.5) return
    if (fault === 'delay') await delay(this.random.between(DELAY_MS.shortest, DELAY_MS.longest))

    const answer = await this.#pass(incoming, outgoing, body)
    if (fault === 'half-open') return
    if (fault === 'drop-answer') return void incoming.socket.destroy()
    if (answer === null) return void outgoing.writeHead(502).end()
    outgoing.writeHead(answer.status, answer.headers).end(answer.body)
  }

  #drawFault(): HttpFault | null {
    for (const { kind, share } of this.#disturbances) {
      if (this.random.next() >= share) continue
      this.disturbed[kind] += 1
      return kind
    }
    return null
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): Promise<Answer | null> {
    const turn = this.#turn++
    for (let tries = 0; tries < this.targets.length; tries++) {
      const target = this.targets[(turn + tries) % this.targets.length] as URL
      const sentAt = Date.now()
      try {
        const answer = await send(target, incoming, outgoing, body)
        this.#log(incoming, body, answer, sentAt)
        return answer
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return null
      }
    }
    return null
  }

  #log({ method, url = '' }: IncomingMessage, body: Buffer, answer: Answer, sentAt: number): void {
    if (method !== 'POST') return
    const [path = ''] = url.split('?')
    const { status } = answer
    this.exchanges.push({
      path,
      asked: parse(body),
      status,
      answered: parse(answer.body),
      sentAt,
      answeredAt: Date.now(),
    })
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

async function send(target: URL, incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): Promise<Answer> {
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
  // An abandoned read is dropped; a write goes on.
  const giveUp = () => incoming.method === 'GET' && passed.destroy()
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

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Images are megabytes of JSON, which the log does not need. */
const MAX_LOGGED_BYTES = 50_000

function parse(body: Buffer): unknown {
  if (body.length > MAX_LOGGED_BYTES) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
