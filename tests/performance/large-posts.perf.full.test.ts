/**
 * Many large posts at once to main on PGLite, where all work is one thread's: whoever asks is answered before a daemon
 * gives up, what was acknowledged is stored, and main's log tells of it what the callers saw.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pullModeSchema } from '@/config/pull-mode.js'
import { eventually } from '../support/eventually.js'
import { TEST_TOKEN } from '../support/main.js'

const CONNECTIONS = 50
const SECONDS = 15
/** Below what a daemon waits, with what a busy machine takes beside. */
const BOUND_MS = 8_000

interface Answered {
  requestId: string
  status: number
  retryAfter: string | undefined
  ms: number
  body: string
}

let folder: string
let main: ChildProcess
let url: string
let log = ''
const agent = new Agent({ keepAlive: true })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'large-posts-'))
  main = spawn(process.execPath, ['--import', 'tsx', 'startMain.ts'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MAIN_LISTEN_PORT: '0',
      INTERNAL_API_TOKEN: TEST_TOKEN,
      MAIN_DATA_DIR: join(folder, 'main'),
      ARTIFACTS_DIR: join(folder, 'artifacts'),
      LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  main.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk
  })
  const [message] = await once(main, 'message')
  url = message.url
})
afterAll(async () => {
  agent.destroy()
  const ended = once(main, 'exit')
  main.kill('SIGTERM')
  await ended
  await rm(folder, { recursive: true, force: true })
})

it(`${CONNECTIONS} connections that post large bodies are each answered in time, and others beside them`, async () => {
  expect(BOUND_MS).toBeLessThan(pullModeSchema.parse({}).requestTimeoutMs)
  const until = performance.now() + SECONDS * 1000
  const posts: Answered[] = []
  const post = async (connection: number) => {
    const image = `data:image/png;base64,${'A'.repeat(600_000 + connection * 7_000)}`
    const body = JSON.stringify({ prompt: `Large ${connection}`, referenceImages: [image] })
    while (performance.now() < until) {
      const answered = await ask('POST', '/api/image/generate', body)
      posts.push(answered)
      if (answered.status === 503) await sleep(Number(answered.retryAfter) * 1000)
    }
  }
  const others: Answered[] = []
  const internal = async () => {
    while (performance.now() < until) {
      others.push(await ask('GET', '/health'))
      // A claim of a task that there is not takes its turn as any other.
      const claim = JSON.stringify({ apiCallId: '01a201b9-594b-7660-9aef-7ba83634e394', status: 'queued' })
      others.push(await ask('POST', '/api/nanobanana2ImageGeneration/reportNanobanana2Result', claim))
      await sleep(200)
    }
  }
  await Promise.all([internal(), ...Array.from({ length: CONNECTIONS }, (_, connection) => post(connection))])

  const slowest = Math.max(...posts.map(({ ms }) => ms), ...others.map(({ ms }) => ms))
  const stored = posts.filter(({ status }) => status === 200)
  const refused = posts.filter(({ status }) => status !== 200)
  const answers = [...posts, ...others]
  await eventually(() => expect(loggedDrifts(answers)).toHaveLength(answers.length))
  const drifts = loggedDrifts(answers)
  process.stdout.write(
    `large posts: ${stored.length} stored, ${refused.length} refused, slowest ${Math.round(slowest)} ms; ` +
      `claims and health up to ${Math.round(Math.max(...others.map(({ ms }) => ms)))} ms; ` +
      `main's log differs by ${Math.round(median(drifts))} ms in the middle\n`,
  )
  expect(slowest).toBeLessThan(BOUND_MS)
  // How many depends on the machine.
  expect(stored.length).toBeGreaterThan(0)
  for (const { status, retryAfter, body } of refused) {
    expect([status, retryAfter, JSON.parse(body)]).toEqual([
      503,
      expect.stringMatching(/^[1-9]\d*$/),
      expect.objectContaining({ success: false, error: 'Main is busy; nothing was stored' }),
    ])
  }
  expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200, 404]))
  expect(median(drifts)).toBeLessThan(500)

  for (const { body } of stored) {
    const { taskId } = JSON.parse(body)
    expect(await ask('GET', `/api/image/tasks/${taskId}`)).toMatchObject({ status: 200 })
  }
})

/** By how much less main's log says than the caller saw, of each request. */
function loggedDrifts(answers: Answered[]): number[] {
  const lines = log.split('\n').filter((line) => line.includes('"ms"'))
  const logged = new Map(lines.map((line) => JSON.parse(line)).map(({ requestId, ms }) => [requestId, ms]))
  return answers
    .filter(({ requestId }) => logged.has(requestId))
    .map(({ requestId, ms }) => ms - Number(logged.get(requestId)))
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

let asked = 0

/** Not by fetch, which would open connections as it likes. */
function ask(method: string, path: string, body = ''): Promise<Answered> {
  asked += 1
  const requestId = `request-${asked}`
  const headers = {
    authorization: `Bearer ${TEST_TOKEN}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
  }
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({
          requestId,
          status,
          retryAfter: headers['retry-after'],
          ms: performance.now() - startedAt,
          body: text,
        })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
