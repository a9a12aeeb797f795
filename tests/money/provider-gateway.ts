/**
 * Stands before the Ark simulator, as networks and gateways stand before a provider: now and then a create arrives
 * after its sender has given it up, and an error repeats the key. Everything else passes as it is, broken connections
 * too. It also answers for the provider of images, always by an error that repeats the key.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@/tools/chaos/random.js'

export interface GatewayOptions {
  /** The simulator's base URL. */
  target: string
  random: Random
  /** The share of creates that are held back, and for how long. */
  late: number
  lateMs: number
  /** The share of requests that are answered by an error which repeats the key. */
  echo: number
}

/** A video with this in its prompt is refused, in words that repeat the key. */
export const REFUSED_WITH_KEY = '[repeat the key]'
const IMAGES_PATH = '/images/v1'
/** Where error messages are cut: see `excerptOf`. The key lies across it. */
const CUT_AT = 500

export class ProviderGateway {
  /** Creates that were held back. */
  late = 0
  /** Answers that repeated the key. */
  echoes = 0
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((incoming, outgoing) => {
    this.#handle(incoming, outgoing).catch(() => incoming.socket.destroy())
  })

  private constructor(private readonly options: GatewayOptions) {
    this.#target = new URL(options.target)
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(options: GatewayOptions): Promise<ProviderGateway> {
    const gateway = new ProviderGateway(options)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  /** The base URL for videos. */
  get arkUrl(): string {
    return `${this.#origin}${this.#target.pathname}`
  }

  /** The base URL for images. */
  get imagesUrl(): string {
    return `${this.#origin}${IMAGES_PATH}`
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming)
    const key = incoming.headers.authorization?.replace('Bearer ', '')
    const isCreate = incoming.method === 'POST'
    if (key !== undefined) {
      const isRefused = incoming.url?.startsWith(IMAGES_PATH) || body.includes(REFUSED_WITH_KEY)
      if (isRefused || this.options.random.next() < this.options.echo) {
        this.echoes += 1
        return answer(outgoing, isRefused ? refusal(key) : isCreate ? failure(key) : readFailure(key))
      }
    }
    if (isCreate && this.options.random.next() < this.options.late) {
      this.late += 1
      await delay(this.options.lateMs)
    }
    this.#pass(incoming, outgoing, body)
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): void {
    // The Host header stays the caller's: the simulator builds the addresses of its files from it.
    const { connection: _, 'transfer-encoding': __, ...headers } = incoming.headers
    const passed = request({
      host: this.#target.hostname,
      port: this.#target.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...headers, 'content-length': body.length },
      agent: false,
    })
    const giveUp = () => incoming.socket.destroy()
    passed.on('error', giveUp)
    passed.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.on('error', giveUp)
      response.pipe(outgoing)
    })
    // What hangs, hangs until the caller has gone; what was sent has been sent.
    outgoing.once('close', () => passed.destroy())
    passed.end(body)
  }
}

interface Answer {
  status: number
  type: string
  body: string
}

/** The kinds of words in which providers and their gateways repeat keys. */
function refusal(key: string): Answer {
  const message = `Incorrect API key provided: ${key}. The header was "Bearer ${key}".`
  return json(401, { code: 'AuthenticationError', message, param: '', type: 'Unauthorized' })
}

function failure(key: string): Answer {
  const head = '<html><body><h1>502</h1><pre>authorization: Bearer '
  const filling = '.'.repeat(CUT_AT - head.length - Math.floor(key.length / 2))
  const body = `${head.slice(0, 31)}${filling}${head.slice(31)}${key}</pre></body></html>`
  return { status: 502, type: 'text/html', body }
}

function readFailure(key: string): Answer {
  return json(500, {
    code: 'InternalServiceError',
    message: `upstream said: key ${key} timed out`,
    param: '',
    type: '',
  })
}

function json(status: number, error: object): Answer {
  return { status, type: 'application/json', body: JSON.stringify({ error }) }
}

function answer(outgoing: ServerResponse, { status, type, body }: Answer): void {
  outgoing.writeHead(status, { 'content-type': type }).end(body)
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
