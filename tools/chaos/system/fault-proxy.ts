/** An HTTP proxy between processes that can disturb requests. It also logs what passed. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../random.js'
import { CLAIM_FAULTS, type ClaimFault, HTTP_FAULTS, type HttpFault } from '../schedule.js'
import { type Answer, parse, readAll, send } from './forward.js'

/** A POST that the target received and answered, whether or not the caller got the answer. */
export interface Exchange {
  path: string
  /** The request's body. */
  asked: unknown
  status: number
  answered: unknown
  /** Whether the answer was passed on to a caller who still waited for it. */
  delivered: boolean
  /** Unix milliseconds: when it was passed on, and when the target's answer arrived. */
  sentAt: number
  answeredAt: number
}

export interface Disturbance {
  kind: HttpFault | ClaimFault
  /** Of the requests, in (0, 1]. */
  share: number
  /** How the paths end that it disturbs. Default: all. */
  pathEnd?: string
  /** With `kill-main`: kills the target of this place, whose answer is dropped. Called once. */
  kill?(target: number): void
}

/** Long enough that some callers give up first, and the request arrives after that. */
const DELAY_MS = { shortest: 200, longest: 5_000 }
const CUT_AFTER_MS = { shortest: 0, longest: 3_000 }

export class FaultProxy {
  readonly exchanges: Exchange[] = []
  /** Requests disturbed so far, by kind. */
  readonly disturbed = Object.fromEntries([...HTTP_FAULTS, ...CLAIM_FAULTS].map((kind) => [kind, 0])) as Record<
    Disturbance['kind'],
    number
  >
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
    return () => this.mend()
  }

  /** Takes connections again. */
  mend(): void {
    this.#cut = false
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#dropAll()
    await closed
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming)
    const disturbance = this.#drawDisturbance(incoming)
    const fault = disturbance?.kind
    if (fault === 'answer-5xx') {
      outgoing.writeHead(this.random.pick([500, 502, 503]), { 'content-type': 'application/json' })
      return void outgoing.end('{"success":false,"error":"the fault proxy says so"}')
    }
    if (fault === 'drop-request') return void incoming.socket.destroy()
    // Half of the half-open requests never arrive at the target.
    if (fault === 'half-open' && this.random.next() < 0.5) return
    if (fault === 'delay') await delay(this.random.between(DELAY_MS.shortest, DELAY_MS.longest))
    if (fault === 'repeat') void this.#pass(incoming, outgoing, body)
    // An abandoned read is dropped, a write goes on.
    const drops = incoming.method === 'GET' || fault === 'cut'
    if (fault === 'cut') void delay(this.#cutAfterMs()).then(() => incoming.socket.destroy())

    const passed = await this.#pass(incoming, outgoing, body, drops)
    if (fault === 'half-open') return
    if (fault === 'drop-answer') return void incoming.socket.destroy()
    if (passed === null) return void outgoing.writeHead(502).end()
    const { answer, exchange } = passed
    if (fault === 'kill-main' && disturbance && this.#kills(disturbance, exchange, passed.target)) {
      return void incoming.socket.destroy()
    }
    exchange.delivered = !outgoing.destroyed
    outgoing.writeHead(answer.status, answer.headers).end(answer.body)
  }

  #drawDisturbance({ url = '' }: IncomingMessage): Disturbance | null {
    const [path = ''] = url.split('?')
    for (const disturbance of this.#disturbances) {
      const { kind, share, pathEnd = '' } = disturbance
      if (!path.endsWith(pathEnd) || this.random.next() >= share) continue
      // It counts once there was something to kill.
      if (kind !== 'kill-main') this.disturbed[kind] += 1
      return disturbance
    }
    return null
  }

  #cutAfterMs(): number {
    return this.random.between(CUT_AFTER_MS.shortest, CUT_AFTER_MS.longest)
  }

  /** Kills a target whose answer says that it has claimed something. */
  #kills(disturbance: Disturbance, { answered }: Exchange, target: number): boolean {
    const claimed = (answered as { claimed?: unknown } | undefined)?.claimed === true
    if (!claimed || !this.#disturbances.delete(disturbance)) return false
    this.disturbed['kill-main'] += 1
    disturbance.kill?.(target)
    return true
  }

  async #pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
    drops = false,
  ): Promise<{ answer: Answer; exchange: Exchange; target: number } | null> {
    const turn = this.#turn++
    for (let tries = 0; tries < this.targets.length; tries++) {
      const place = (turn + tries) % this.targets.length
      const sentAt = Date.now()
      try {
        const answer = await send(this.targets[place] as URL, incoming, outgoing, body, drops)
        return { answer, exchange: this.#log(incoming, body, answer, sentAt), target: place }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return null
      }
    }
    return null
  }

  #log({ method, url = '' }: IncomingMessage, body: Buffer, answer: Answer, sentAt: number): Exchange {
    const [path = ''] = url.split('?')
    const { status } = answer
    const exchange: Exchange = {
      path,
      asked: parse(body),
      status,
      answered: parse(answer.body),
      delivered: false,
      sentAt,
      answeredAt: Date.now(),
    }
    if (method === 'POST') this.exchanges.push(exchange)
    return exchange
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
