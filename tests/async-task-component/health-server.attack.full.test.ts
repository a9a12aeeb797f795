/** What anybody who reaches the health port can send it: the daemon's process lives on, and goes on answering. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { unlessAborted, withTimeout } from '@/lib/abort.js'

const SEED = Number(process.env.FUZZ_SEED ?? 1)

let daemon: ChildProcess
let url: string
let stderr = ''
beforeAll(async () => {
  const program = fileURLToPath(new URL('fixtures/health-process.ts', import.meta.url))
  daemon = fork(program, [], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  daemon.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const [listening] = await once(daemon, 'message')
  url = String(listening)
})
afterAll(async () => {
  const ended = once(daemon, 'exit')
  daemon.disconnect()
  await ended
})

afterEach(async () => {
  expect({ ended: daemon.exitCode, stderr }).toEqual({ ended: null, stderr: '' })
  const response = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(5000) })
  expect(response.status).toBe(200)
})

describe('a request line', () => {
  it.each<[string, number]>([
    ['GET // HTTP/1.1', 404],
    ['GET //health/live HTTP/1.1', 404],
    ['GET /// HTTP/1.1', 404],
    ['GET /%zz HTTP/1.1', 404],
    ['GET /health/live?a=%zz&&=& HTTP/1.1', 200],
    ['GET /health/live/ HTTP/1.1', 404],
    ['GET http://elsewhere/health/live HTTP/1.1', 200],
    ['GET http:// HTTP/1.1', 400],
    ['GET http://[ HTTP/1.1', 400],
    ['GET health/live HTTP/1.1', 400],
    ['GET * HTTP/1.1', 400],
    ['OPTIONS * HTTP/1.1', 400],
    ['GET /\\..\\x HTTP/1.1', 400],
    ['HEAD /health/live HTTP/1.1', 200],
    ['POST /health/live HTTP/1.1', 405],
    ['TRACE /health/live HTTP/1.1', 405],
    ['PROPFIND /health/live HTTP/1.1', 405],
    ['BREW /health/live HTTP/1.1', 400],
    ['get /health/live HTTP/1.1', 400],
    ['GET /health/live HTTP/9.9', 400],
    ['GET /health/live', 200],
    ['\u0000\u0001\u0002', 400],
  ])('%j is answered %i', async (line, status) => {
    expect(statusOf(await send(`${line}\r\nhost: health\r\nconnection: close\r\n\r\n`))).toBe(status)
  })

  it('may be a probe of HTTP/1.0, which names no host', async () => {
    expect(statusOf(await send('GET /health/live HTTP/1.0\r\n\r\n'))).toBe(200)
  })

  it('that asks for a tunnel is not answered, and its connection closed', async () => {
    expect(await send('CONNECT elsewhere:80 HTTP/1.1\r\nhost: elsewhere:80\r\n\r\n')).toBe('')
  })
})

describe('headers', () => {
  const head = 'GET /health/live HTTP/1.1\r\nhost: health\r\nconnection: close\r\n'
  it.each<[string, string, number]>([
    ['without a name', ': x\r\n', 400],
    ['with a NUL', 'x: \u0000\r\n', 400],
    ['that contradict each other', 'content-length: 1\r\ntransfer-encoding: chunked\r\n', 400],
    ['that give a second host', 'host: other\r\n', 200],
    ['that want another protocol', 'upgrade: websocket\r\n', 200],
    ['that expect what is not there', 'expect: a miracle\r\n', 417],
  ])('%s are answered', async (_what, headers, status) => {
    expect(statusOf(await send(`${head}${headers}\r\n`))).toBe(status)
  })

  it.each([
    ['of 100 kB', `x: ${'y'.repeat(100_000)}\r\n`, ['431', 'closed']],
    ['by the thousand', 'x: y\r\n'.repeat(5000), ['200', '431', 'closed']],
  ])('%s do no harm: how they are refused is for each version of Node to say', async (_what, headers, answers) => {
    const answer = await send(`${head}${headers}\r\n`).then(
      (said) => String(statusOf(said)),
      ({ code }: NodeJS.ErrnoException) => (code === 'ECONNRESET' || code === 'EPIPE' ? 'closed' : code),
    )
    expect(answers).toContain(answer)
  })

  it.each(['', 'a b', '[', '[::1', 'x:99999', '\\', 'é', '%00', '//'])('with the host %j do no harm', async (host) => {
    const status = statusOf(await send(`GET /health/live HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`))
    expect([200, 400]).toContain(status)
  })
})

it('of many requests in one packet the first is answered, and the connection closed', async () => {
  const request = 'GET /health/live HTTP/1.1\r\nhost: health\r\n\r\n'
  expect((await send(request.repeat(50))).match(/HTTP\/1\.1 200/g)).toHaveLength(1)
})

it('bodies are not waited for: a post is refused before it has come', async () => {
  const post = 'POST /health/live HTTP/1.1\r\nhost: health\r\ncontent-length: 1000000\r\n\r\n'
  expect(statusOf(await send(post))).toBe(405)
})

it('clients that say nothing, or never end what they say, are let go; others are answered meanwhile', async () => {
  const slow = ['', 'GET /health', 'GET /health/live HTTP/1.1\r\nhost: health\r\nx: '].map((start) => {
    const socket = open().resume()
    socket.write(start)
    return once(socket, 'close')
  })
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) })
  expect(response.status).toBe(200)
  await within(15_000, Promise.all(slow))
})

it('clients that are gone before their answer do no harm', async () => {
  const gone = Array.from({ length: 100 }, () => {
    const socket = open()
    socket.write('GET /health/ready HTTP/1.1\r\nhost: health\r\n\r\n', () => socket.resetAndDestroy())
    return once(socket, 'close')
  })
  await Promise.all(gone)
})

it('clients that have closed their half are answered all the same', async () => {
  const socket = open(true)
  socket.end('GET /health/live HTTP/1.1\r\nhost: health\r\nconnection: close\r\n\r\n')
  expect(statusOf(await received(socket))).toBe(200)
})

it('nothing at all that is sent ends it', async () => {
  const target = fc.oneof(
    fc.constantFrom('//', '/health/live', '*', 'http://x', 'http://', '?', '#', '/..', '/%', '//@:0', '/\\'),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.webUrl(),
    fc.webPath().map((path) => `/${path}`),
  )
  const header = fc.tuple(
    fc.constantFrom('host', 'content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade', 'x', ':path'),
    fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom('chunked', 'close', 'keep-alive', '-1', '99999999999999')),
  )
  const request = fc
    .tuple(
      fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'PUT', 'QUERY', 'M-SEARCH', 'PRI', '', 'é'),
      target,
      fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', '', 'ICY/1.0'),
      fc.array(header, { maxLength: 4 }),
      fc.string({ unit: 'binary', maxLength: 60 }),
    )
    .map(([method, path, version, headers, body]) => {
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      return `${method} ${path} ${version}\r\n${lines}\r\n${body}`
    })
  for (const sent of fc.sample(fc.array(request, { minLength: 1, maxLength: 4 }), { numRuns: 1500, seed: SEED })) {
    const socket = open()
    const closed = once(socket, 'close')
    socket.resume()
    // No answer is waited for: many of these have none.
    socket.end(sent.join(''))
    await closed
    expect({ sent, ended: daemon.exitCode, stderr }).toMatchObject({ ended: null, stderr: '' })
  }
})

/** A connection that may be reset at any time. */
function open(allowHalfOpen = false): Socket {
  const { hostname, port } = new URL(url)
  return connect({ host: hostname, port: Number(port), allowHalfOpen }).on('error', () => {})
}

/** All that comes back until the connection is closed. */
async function received(socket: Socket): Promise<string> {
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
  })
  await within(5000, once(socket, 'close'))
  return answer
}

function send(bytes: string): Promise<string> {
  const socket = open()
  socket.write(bytes)
  return received(socket)
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}

function within<T>(ms: number, event: Promise<T>): Promise<T> {
  return withTimeout(ms, [], (signal) => unlessAborted(event, signal))
}
