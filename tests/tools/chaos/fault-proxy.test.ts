import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '@/tools/chaos/random.js'
import { FaultProxy } from '@/tools/chaos/system/fault-proxy.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { eventually } from '../../support/eventually.js'

let server: Server
let proxy: FaultProxy
/** Bodies that reached the server. */
let reached: string[]
/** Told of each body that arrives. */
let onReached: (body: string) => void

beforeEach(async () => {
  reached = []
  onReached = () => {}
  server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    reached.push(body)
    onReached(body)
    outgoing.writeHead(201, { 'x-answered': 'yes' }).end(JSON.stringify({ got: JSON.parse(body) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const nobody = `http://127.0.0.1:${await freePort()}`
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  proxy = await FaultProxy.to([nobody, target], seededRandom(1, 'test'))
})

afterEach(async () => {
  await proxy.close()
  server.closeAllConnections()
  server.close()
})

function post(body: object, signal = AbortSignal.timeout(20_000)): Promise<Response> {
  return fetch(`${proxy.url}/some/path?q=1`, { method: 'POST', body: JSON.stringify(body), signal })
}

describe('the fault proxy', () => {
  it('passes requests on, by a target that refuses to the next, and keeps what was said', async () => {
    const response = await post({ n: 1 })
    expect(response.status).toBe(201)
    expect(response.headers.get('x-answered')).toBe('yes')
    expect(await response.json()).toEqual({ got: { n: 1 } })
    expect(proxy.exchanges).toEqual([
      expect.objectContaining({ path: '/some/path', asked: { n: 1 }, status: 201, answered: { got: { n: 1 } } }),
    ])
  })

  it('drops answers after the target has done what was asked', async () => {
    const end = proxy.disturb({ kind: 'drop-answer', share: 1 })
    await expect(post({ n: 1 })).rejects.toThrow('fetch failed')
    expect(reached).toEqual(['{"n":1}'])
    expect(proxy.exchanges).toHaveLength(1)
    end()
    expect((await post({ n: 2 })).status).toBe(201)
    expect(proxy.disturbed['drop-answer']).toBe(1)
  })

  it('answers 5xx itself, and asks the target nothing', async () => {
    proxy.disturb({ kind: 'answer-5xx', share: 1 })
    expect((await post({ n: 1 })).status).toBeGreaterThanOrEqual(500)
    expect(reached).toEqual([])
    expect(proxy.exchanges).toEqual([])
  })

  it('passes a delayed request on though its sender has given up', async () => {
    proxy.disturb({ kind: 'delay', share: 1 })
    const arrived = new Promise<string>((resolve) => {
      onReached = resolve
    })
    const sender = new AbortController()
    const asked = post({ n: 1 }, sender.signal)
    await eventually(() => expect(proxy.disturbed.delay).toBe(1))
    sender.abort()
    await expect(asked).rejects.toThrow()
    expect(reached).toEqual([])
    expect(await arrived).toBe('{"n":1}')
  })

  it('leaves connections half open: no answer, whether or not the request arrived', async () => {
    proxy.disturb({ kind: 'half-open', share: 1 })
    const sender = new AbortController()
    const asking = Promise.allSettled(Array.from({ length: 12 }, (_, n) => post({ n }, sender.signal)))
    await eventually(() => {
      expect(proxy.disturbed['half-open']).toBe(12)
      expect(reached.length).toBeGreaterThan(0)
      // The target has answered: nothing that the senders could still wait for.
      expect(proxy.exchanges).toHaveLength(reached.length)
    })
    sender.abort()
    const asked = await asking
    expect(asked.map((outcome) => outcome.status)).toEqual(asked.map(() => 'rejected'))
    expect(reached.length).toBeLessThan(12)
  })

  it('disturbs only the paths that it is told to', async () => {
    proxy.disturb({ kind: 'drop-request', share: 1, pathEnd: '/other' })
    expect((await post({ n: 1 })).status).toBe(201)
    proxy.disturb({ kind: 'drop-request', share: 1, pathEnd: '/path' })
    await expect(post({ n: 2 })).rejects.toThrow('fetch failed')
    expect(reached).toEqual(['{"n":1}'])
    expect(proxy.exchanges).toMatchObject([{ delivered: true }])
  })

  it('delivers a request twice, and answers it once', async () => {
    proxy.disturb({ kind: 'repeat', share: 1 })
    expect(await (await post({ n: 1 })).json()).toEqual({ got: { n: 1 } })
    await eventually(() => expect(proxy.exchanges).toHaveLength(2))
    expect(reached).toEqual(['{"n":1}', '{"n":1}'])
    expect(proxy.exchanges.filter(({ delivered }) => delivered)).toHaveLength(1)
  })

  it('cuts the connection of a request that is parked', async () => {
    const parked = new Promise<void>((resolve) => {
      onReached = () => {
        server.removeAllListeners('request')
        resolve()
      }
    })
    server.removeAllListeners('request').on('request', (incoming) => {
      onReached('')
      incoming.resume()
    })
    proxy.disturb({ kind: 'cut', share: 1 })
    await expect(post({ n: 1 })).rejects.toThrow('fetch failed')
    await parked
    expect(proxy.exchanges).toEqual([])
  })

  it('kills the first target that says that it has claimed something, and drops its answer', async () => {
    const killed: number[] = []
    proxy.disturb({ kind: 'kill-main', share: 1, kill: (target) => killed.push(target) })
    server.removeAllListeners('request').on('request', (incoming, outgoing) => {
      incoming.resume()
      outgoing.end(JSON.stringify({ claimed: incoming.headers['x-claims'] === 'yes' }))
    })
    const ask = (claims: string) => fetch(proxy.url, { method: 'POST', headers: { 'x-claims': claims }, body: '{}' })
    expect((await ask('no')).status).toBe(200)
    await expect(ask('yes')).rejects.toThrow('fetch failed')
    expect((await ask('yes')).status).toBe(200)
    expect(killed).toEqual([1])
    expect(proxy.exchanges.map(({ delivered }) => delivered)).toEqual([true, false, true])
  })

  it('cuts the way, and mends it', async () => {
    const mend = proxy.cut()
    await expect(post({ n: 1 })).rejects.toThrow('fetch failed')
    expect(reached).toEqual([])
    mend()
    expect((await post({ n: 2 })).status).toBe(201)
  })
})
