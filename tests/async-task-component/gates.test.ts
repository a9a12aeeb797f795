import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { BoundedTemporal } from '@/async-task-component/bounded-temporal.js'
import { QueueGate } from '@/async-task-component/gates.js'
import type { Logger } from '@/async-task-component/logger.js'
import { OpenGates } from '@/async-task-component/open-gates.js'
import { clientConnection } from '@/lib/temporal-client.js'
import { startTemporalServer, type TemporalServer } from '@/tools/temporal/server.js'

let server: TemporalServer
beforeAll(async () => {
  server = await startTemporalServer({ headless: true })
})
afterAll(() => server.stop())

it('believes for long that a queue has room, and for a second that it has none', async () => {
  const connection = clientConnection(server.address)
  const { signal } = new AbortController()
  const clock = performance.now.bind(performance)
  let passed = 0
  const now = vi.spyOn(performance, 'now').mockImplementation(() => clock() + passed)
  try {
    const temporal = new BoundedTemporal(connection, { timeoutMs: 5000 })
    const options = { temporal, taskQueue: 'gates-age', maxBacklog: 0 }
    const gate = new QueueGate(options)
    expect(await gate.check(signal, 60_000)).toMatchObject({ reason: 'backlog_full' })
    options.maxBacklog = 10
    expect(await gate.check(signal, 60_000)).toMatchObject({ reason: 'backlog_full' })
    passed += 1_001
    expect(await gate.check(signal, 60_000)).toBeNull()
    options.maxBacklog = 0
    passed += 50_000
    expect(await gate.check(signal, 60_000)).toBeNull()
    expect(await gate.check(signal)).toMatchObject({ reason: 'backlog_full' })
  } finally {
    now.mockRestore()
    await connection.close()
  }
})

it('a gate tells at once that Temporal is away, and believes no answer of before', async () => {
  const connection = clientConnection(server.address)
  const { signal } = new AbortController()
  try {
    const temporal = new BoundedTemporal(connection, { timeoutMs: 5000 })
    const gate = new QueueGate({ temporal, taskQueue: 'gates-test', maxBacklog: 10 })
    expect(await gate.check(signal)).toBeNull()
    const nobody = new AbortController()
    const unwatched = gate.untilChange(nobody.signal)
    nobody.abort()
    await unwatched
    const changed = gate.untilChange(signal).then(() => gate.check(signal, 3_600_000))
    await server.kill()
    expect(await changed).toMatchObject({ reason: 'temporal_unavailable' })
  } finally {
    await connection.close()
  }
})

it('takes older answers while few tasks have been started since', async () => {
  const ages: Array<number | undefined> = []
  const gate = {
    async check(_: AbortSignal, maxAgeMs?: number) {
      ages.push(maxAgeMs)
      return null
    },
  }
  const silent = { info() {} } as unknown as Logger
  const gates = new OpenGates({ gates: [gate], stopping: new AbortController().signal, logger: silent })
  await gates.anyClosed()
  gates.started(9)
  await gates.anyClosed()
  gates.started(1)
  await gates.anyClosed()
  await gates.anyClosed()
  expect(ages).toEqual([60_000, 60_000, undefined, 60_000])
})
