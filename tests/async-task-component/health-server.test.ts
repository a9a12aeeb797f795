import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ComponentStatus, HealthServer } from '@/async-task-component/health-server.js'

const worker = { name: 'alpha', taskQueue: 'integration-alpha-queue', state: 'running' as const, error: null }
const loop = { namespace: 'alpha', state: 'fetching' as const, closedBy: null }

let status: ComponentStatus
let server: HealthServer
let url: string

beforeEach(async () => {
  status = { workers: [worker], loops: [loop] }
  server = new HealthServer({ host: '127.0.0.1', port: 0, status: () => status })
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
      loops: [loop],
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
