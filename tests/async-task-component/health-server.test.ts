import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ComponentStatus, HealthServer } from '@/async-task-component/health-server.js'
import { rememberChild } from '@/lib/log-level.js'

const worker = { name: 'alpha', taskQueue: 'integration-alpha-queue', state: 'running' as const, error: null }
const shown = { namespace: 'alpha', state: 'fetching' as const, closedBy: null }
const loop = { ...shown, lastRound: null, dead: [] }

const TOKEN = 'metrics-token-0123456789'
const INTERNAL = 'internal-token-0123456789'
const readMetrics = async () => '# EOF\n'
const lines: string[] = []
const logger = pino({ level: 'warn', onChild: rememberChild }, { write: (line: string) => void lines.push(line) })

let status: ComponentStatus
let server: HealthServer
let url: string

beforeEach(async () => {
  status = { workers: [worker], loops: [loop] }
  server = new HealthServer({
    host: '127.0.0.1',
    port: 0,
    status: () => status,
    readMetrics,
    metricsToken: TOKEN,
    logLevel: { logger, internalToken: INTERNAL },
  })
  url = await server.start()
})
afterEach(() => server.stop())

const get = (path: string, init?: RequestInit) => fetch(url + path, init)

describe('ready', () => {
  it('is true while workers run and gates are open', async () => {
    const response = await get('/health/ready')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      workers: [{ name: 'alpha', taskQueue: 'integration-alpha-queue', state: 'running' }],
      loops: [shown],
    })
  })

  it.each<[string, ComponentStatus]>([
    ['no worker has been started', { workers: [], loops: [loop] }],
    ['a worker fails', { workers: [{ ...worker, state: 'failing', error: new Error('x') }], loops: [loop] }],
    ['a gate is closed', { workers: [worker], loops: [{ ...loop, closedBy: 'temporal_unavailable' }] }],
  ])('is false while %s, which does not make it less alive', async (_why, now) => {
    status = now
    expect((await get('/health/ready')).status).toBe(503)
    expect((await get('/health/live')).status).toBe(200)
  })
})

describe('the probes', () => {
  it('pass while workers run and gates are open', async () => {
    for (const path of ['/livez', '/readyz', '/startupz']) {
      const response = await get(path)
      expect([path, response.status, await response.json()]).toEqual([path, 200, { status: 'ok' }])
    }
  })

  const failing = { ...worker, state: 'failing' as const, error: new Error('sk-123456') }
  it.each<[what: string, now: ComponentStatus, live: string[], ready: string[], started: string[]]>([
    ['no worker has been started', { workers: [], loops: [loop] }, [], ['no worker has been started'], []],
    [
      'a worker is built',
      { workers: [{ ...worker, state: 'building' }], loops: [loop] },
      [],
      ['the worker of alpha is building'],
      ['the worker of alpha is being built'],
    ],
    ['all workers fail', { workers: [failing], loops: [loop] }, [], ['the worker of alpha is failing'], []],
    [
      'Temporal is away',
      { workers: [worker], loops: [{ ...loop, closedBy: 'temporal_unavailable' }] },
      [],
      ['Temporal does not answer'],
      [],
    ],
    [
      'the namespace is missing',
      { workers: [worker], loops: [{ ...loop, closedBy: 'namespace_missing' }] },
      [],
      ['Temporal does not have the namespace'],
      [],
    ],
    [
      'main refuses the token',
      { workers: [worker], loops: [{ ...loop, lastRound: 'unauthorized' }] },
      [],
      ['main does not accept the internal token'],
      [],
    ],
    [
      'a loop is dead',
      { workers: [worker], loops: [{ ...loop, dead: ['pull'] }] },
      ['the pull loop of alpha has died'],
      ['the pull loop of alpha has died'],
      [],
    ],
    ['the provider is busy', { workers: [worker], loops: [{ ...loop, closedBy: 'provider_throttled' }] }, [], [], []],
    ['the backlog is full', { workers: [worker], loops: [{ ...loop, closedBy: 'backlog_full' }] }, [], [], []],
  ])('while %s: say so, each where it concerns it', async (_what, now, live, ready, started) => {
    status = now
    const said = async (path: string) => {
      const response = await get(path)
      const { failing = [] } = (await response.json()) as { failing?: string[] }
      expect(response.status).toBe(failing.length === 0 ? 200 : 503)
      return failing
    }
    expect([await said('/livez'), await said('/readyz'), await said('/startupz')]).toEqual([live, ready, started])
  })
})

it('shows its metrics to who has their token', async () => {
  expect((await get('/metrics')).status).toBe(401)
  const response = await get('/metrics', { headers: { authorization: `Bearer ${TOKEN}` } })
  expect([response.status, await response.text()]).toEqual([200, '# EOF\n'])
})

describe('the log level', () => {
  const change = (token: string, body: unknown) =>
    get('/log-level', { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) })

  it('is shown and changed to who has the internal token, also for loggers made before; who did it is logged', async () => {
    const early = logger.child({ loop: 'pull' })
    const headers = { authorization: `Bearer ${INTERNAL}` }
    expect(await (await get('/log-level', { headers })).json()).toEqual({ level: 'warn' })
    const changed = await change(INTERNAL, { level: 'debug', by: 'anna', reason: 'slow claims' })
    expect([changed.status, await changed.json()]).toEqual([200, { level: 'debug' }])
    early.debug('now')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 30, by: 'anna', reason: 'slow claims', msg: 'the log has another level' },
      { level: 20, msg: 'now' },
    ])
    await change(INTERNAL, { level: 'warn', by: 'anna' })
  })

  it.each<[what: string, token: string, body: unknown, status: number]>([
    ['without the token', 'x'.repeat(20), { level: 'debug', by: 'anna' }, 401],
    ['with the token for metrics', TOKEN, { level: 'debug', by: 'anna' }, 401],
    ['to one that there is not', INTERNAL, { level: 'loud', by: 'anna' }, 400],
    ['by nobody', INTERNAL, { level: 'debug' }, 400],
    ['by too much', INTERNAL, { level: 'debug', by: 'a'.repeat(5000) }, 413],
  ])('is not changed %s', async (_what, token, body, status) => {
    expect((await change(token, body)).status).toBe(status)
    expect(logger.level).toBe('warn')
  })
})

it('tells nothing of errors, which may quote configuration', async () => {
  status = { workers: [{ ...worker, error: new Error('key sk-123456') }], loops: [] }
  expect(await (await get('/health/ready')).text()).not.toContain('sk-123456')
})

it.each([
  ['/other', 'GET', 404],
  ['/health/live', 'POST', 405],
])('%s by %s answers %i', async (path, method, code) => {
  expect((await get(path, { method })).status).toBe(code)
})

it('is gone after its stop', async () => {
  await server.stop()
  await expect(get('/health/live')).rejects.toThrow()
})
