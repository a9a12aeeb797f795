/** The pull loop when main, Temporal or the wire between them fails, and when it is told to stop. */
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { backlogOf, createProcessor, readableLogger, uniqueName } from './support.js'

let namespace: string
let main: ProtocolMain
let temporal: TcpProxy
let client: Client
let processor: TaskProcessor | null

beforeEach(async () => {
  namespace = uniqueName('faults')
  main = await ProtocolMain.start()
  temporal = await TcpProxy.to(inject('temporalAddress'))
  client = new Client({ connection: await Connection.connect({ address: inject('temporalAddress') }) })
  processor = null
})

afterEach(async () => {
  await processor?.stop()
  await temporal.close()
  await main.stop()
  for await (const { workflowId } of client.workflow.list({ query: `TaskQueue = 'queue-${namespace}'` })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined)
  }
  await client.connection.close()
})

async function serve(overrides: Parameters<typeof createProcessor>[1] = {}): Promise<TaskProcessor> {
  processor = createProcessor(temporal.address, { requestTimeoutMs: 500, ...overrides })
  await processor.start([main.config(namespace)])
  return processor
}

const idOf = (taskId: string) => attemptWorkflowId(namespace, taskId, `key-${taskId}`, 1)
const describeRun = (taskId: string) => client.workflow.getHandle(idOf(taskId)).describe()
const started = (taskId: string) => eventually(() => describeRun(taskId))
const eventsOf = (taskId: string) => main.task(taskId).events.map(({ type }) => type)

/** Does something the moment a claim has been written. */
function onClaim(taskId: string, act: () => void): void {
  let done = false
  main.fault = ({ body }) => {
    if (body.status === 'queued' && body.apiCallId === taskId && !done) {
      done = true
      act()
    }
    return undefined
  }
}

describe('closed gates', () => {
  it('claims nothing while Temporal is away, and catches up when it is back', async () => {
    temporal.cut()
    main.add(namespace, 'task-1')
    const { logger, lines } = readableLogger()
    await serve({ logger })
    await eventually(() => expect(lines.some(({ reason }) => reason === 'temporal_unavailable')).toBe(true))
    expect(main.seen).toEqual([])
    expect(eventsOf('task-1')).toEqual([])

    temporal.mend()
    await started('task-1')
    expect(eventsOf('task-1')).toEqual(['queued'])
  })

  it('claims nothing in a namespace that does not exist', async () => {
    main.add(namespace, 'task-1')
    const { logger, lines } = readableLogger()
    await serve({ logger, temporalNamespace: 'no-such-namespace' })
    await eventually(() => expect(lines.some(({ reason }) => reason === 'namespace_missing')).toBe(true))

    expect(main.seen).toEqual([])
  })

  it('claims nothing while the worker is not running', async () => {
    main.add(namespace, 'task-1')
    let running = false
    const { logger, lines } = readableLogger()
    await serve({ logger, isWorkerRunning: (taskQueue) => running && taskQueue === `queue-${namespace}` })
    await eventually(() => expect(lines.some(({ reason }) => reason === 'worker_not_running')).toBe(true))
    expect(main.seen).toEqual([])

    running = true
    await started('task-1')
  })

  it('claims nothing while the backlog is at its limit', async () => {
    const taskQueue = `queue-${namespace}`
    const another = async () => {
      await client.workflow.start('waiting', { taskQueue, workflowId: uniqueName(namespace) })
      return await backlogOf(client, taskQueue, 'workflows')
    }
    await expect.poll(another, { interval: 500 }).toBeGreaterThanOrEqual(2)
    main.add(namespace, 'task-1')
    const { logger, lines } = readableLogger()
    await serve({ logger, maxBacklog: 2 })
    await eventually(() => expect(lines.some(({ reason }) => reason === 'backlog_full')).toBe(true))

    expect(main.seen).toEqual([])
  })
})

describe('starts whose answer is lost', () => {
  it('finds the workflow that Temporal started, and starts no second one', async () => {
    main.add(namespace, 'task-1')
    onClaim('task-1', () => temporal.deafen())
    await serve()
    await started('task-1')
    temporal.mend()
    await main.until(() => main.reports('task-1', 'running').length > 0)

    expect(eventsOf('task-1')).toEqual(['queued', 'checked'])
  })

  it('starts the attempt once Temporal is back, if the start never arrived', async () => {
    main.add(namespace, 'task-1')
    const { logger, text } = readableLogger()
    onClaim('task-1', () => temporal.cut())
    await serve({ logger })
    await eventually(() => expect(text()).toMatch(/workflow (start not answered|not started)/))
    temporal.mend()
    main.advance(10)

    expect((await started('task-1')).status.name).toBe('RUNNING')
    expect(main.task('task-1').state).toMatchObject({ status: 'queued', attempts: 0 })
  })
})

describe('a main in trouble', () => {
  it('backs off while the token is refused, and serves when it is accepted', async () => {
    main.token = 'another-token-entirely'
    main.add(namespace, 'task-1')
    const { logger, lines } = readableLogger()
    await serve({ logger })
    await main.until(() => main.fetches(namespace) === 2)
    expect(lines.some(({ level, msg }) => level === 50 && String(msg).includes('internal token'))).toBe(true)

    main.token = 'protocol-main-internal-token'
    await started('task-1')
  })

  it('gets through answers of 500, hanging requests and cut connections', async () => {
    for (const id of ['task-1', 'task-2', 'task-3']) main.add(namespace, id)
    const faults = [500, 'hang', 'drop', 503, 'drop', 500, 'hang'] as const
    let next = 0
    main.fault = () => faults[next++]
    await serve()
    for (const id of ['task-1', 'task-2', 'task-3']) await started(id)

    expect(next).toBeGreaterThan(faults.length)
    for (const id of ['task-1', 'task-2', 'task-3']) expect(eventsOf(id)).toEqual(['queued'])
  })

  it('does not let a task whose claims keep failing hold up the others', async () => {
    const ids = ['task-1', 'task-2', 'task-3', 'task-4', 'task-5']
    for (const id of ids) main.add(namespace, id)
    main.fault = ({ body }) => (body.apiCallId === 'task-1' ? 500 : undefined)
    await serve({ startConcurrency: 2 })
    for (const id of ids.slice(1)) await started(id)

    expect(eventsOf('task-1')).toEqual([])
    expect(main.reports('task-1', 'queued').length).toBeLessThan(9)
  })

  it('does not let one integration that hangs delay another', async () => {
    const other = uniqueName('other')
    main.fault = (request) => (request.namespace === namespace ? 'hang' : undefined)
    main.add(other, 'task-of-other')
    processor = createProcessor(temporal.address, { requestTimeoutMs: 60_000 })
    await processor.start([main.config(namespace), main.config(other)])
    await main.until(() => main.fetches(namespace) > 0 && main.task('task-of-other').state.status === 'queued')

    expect(main.fetches(namespace)).toBe(1)
    const run = client.workflow.getHandle(attemptWorkflowId(other, 'task-of-other', 'key-task-of-other', 1))
    await eventually(() => run.terminate())
  })

  it('writes no token into its log', async () => {
    main.fault = () => 500
    const { logger, lines, text } = readableLogger()
    await serve({ logger })
    await main.until(() => main.fetches(namespace) > 1)

    expect(lines.length).toBeGreaterThan(1)
    expect(text()).not.toContain('protocol-main-internal-token')
  })
})

describe('stop', () => {
  it('gives back a claim that is not started', async () => {
    main.add(namespace, 'task-1')
    let stopped: Promise<void> | undefined
    onClaim('task-1', () => {
      stopped = processor?.stop()
    })
    await serve()
    await main.until(() => main.reports('task-1', 'released').length > 0)
    await stopped

    expect(eventsOf('task-1')).toEqual(['queued', 'released'])
    await expect(describeRun('task-1')).rejects.toThrow('workflow not found')
  })

  it('gives back a claim whose answer was lost', async () => {
    main.add(namespace, 'task-1')
    main.fault = ({ body }) => (body.status === 'queued' ? 'drop' : undefined)
    const serving = await serve()
    await main.until(() => main.reports('task-1', 'queued').length > 0)
    await serving.stop()

    expect(eventsOf('task-1')).toEqual(['queued', 'released'])
  })

  it('aborts a parked request and leaves no request behind', async () => {
    main.fault = () => 'hang'
    const serving = await serve({ requestTimeoutMs: 60_000 })
    await main.until(() => main.fetches(namespace) === 1)
    await serving.stop()

    expect(main.fetches(namespace)).toBe(1)
  })

  it('may be called twice, and be followed by another start', async () => {
    const serving = await serve()
    await main.until(() => main.fetches(namespace) > 0)
    await Promise.all([serving.stop(), serving.stop()])
    main.add(namespace, 'task-1')
    await serving.start([main.config(namespace)])

    await started('task-1')
  })
})
