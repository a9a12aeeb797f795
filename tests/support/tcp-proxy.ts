/** A wire between a client and a server that a test can cut. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()
  #state: 'open' | 'cut' | 'deaf' = 'open'

  private constructor(target: string) {
    const [host, port] = target.split(':')
    this.#server = createServer((near) => {
      if (this.#state === 'cut') return near.destroy()
      const far = connect(Number(port), host)
      const pair: [Socket, Socket] = [near, far]
      this.#pairs.add(pair)
      near.on('data', (chunk) => far.write(chunk))
      far.on('data', (chunk) => this.#state === 'deaf' || near.write(chunk))
      const end = () => {
        near.destroy()
        far.destroy()
        this.#pairs.delete(pair)
      }
      for (const socket of pair) socket.on('error', end).on('close', end)
    })
  }

  static async to(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#pairs.size
  }

  /** The server is away: connections break, and new ones are refused. */
  cut(): void {
    this.#state = 'cut'
    this.#dropAll()
  }

  /** What is asked arrives, what is answered does not. */
  deafen(): void {
    this.#state = 'deaf'
  }

  /** Everything works again, over new connections. */
  mend(): void {
    this.#state = 'open'
    this.#dropAll()
  }

  async close(): Promise<void> {
    this.#dropAll()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #dropAll(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy()
      far.destroy()
    }
    this.#pairs.clear()
  }
}
