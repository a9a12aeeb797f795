import { afterAll, beforeAll, expect, it } from 'vitest'
import { BoundedTemporal } from '@/async-task-component/bounded-temporal.js'
import { QueueGate } from '@/async-task-component/gates.js'
import { clientConnection } from '@/lib/temporal-client.js'
import { startTemporalServer, type TemporalServer } from '@/tools/temporal/server.js'

let server: TemporalServer
beforeAll(async () => {
  server = await startTemporalServer({ headless: true })
})
afterAll(() => server.stop())

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
