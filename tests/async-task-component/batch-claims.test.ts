/** The pull loop of a main that fetches and claims in one request, with a real Temporal server. */
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
import { createProcessor, uniqueName } from './support.js'

const address = inject('temporalAddress')
let namespace: string
let main: ProtocolMain
let client: Client
let processor: TaskProcessor | null

beforeEach(async () => {
  namespace = uniqueName('batch')
  main = await ProtocolMain.start()
  main.offersClaims = true
  client = new Client({ connection: await Connection.connect({ address }) })
  processor = null
})

afterEach(async () => {
  await processor?.stop()
  await main.stop()
  for await (const { workflowId } of client.workflow.list({ query: `TaskQueue = 'queue-${namespace}'` })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined)
  }
  await client.connection.close()
})

async function serve(overrides: Parameters<typeof createProcessor>[1] = {}): Promise<void> {
  processor = createProcessor(address, overrides)
  await processor.start([main.config(namespace)])
}

const idOf = (taskId: string, attempt = 1) => attemptWorkflowId(namespace, taskId, `key-${taskId}`, attempt)
const claims = () => main.seen.filter(({ kind }) => kind === 'claim')
const parked = () => claims().some(({ waitSeconds = 0 }) => waitSeconds > 0)
const events = (taskId: string) => main.task(taskId).events.map(({ type }) => type)

function started(workflowId: string) {
  return eventually(async () => {
    const run = await client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => undefined)
    return run ?? expect.fail(`${workflowId} was not started\n${main.account()}`)
  }, 20_000)
}

it('claims and starts what one request brings: nothing is fetched, and nothing claimed by itself', async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `task-${index}`)
  for (const id of ids) main.add(namespace, id)
  await serve({ startConcurrency: 6, waitSeconds: 25 })
  for (const id of ids) await started(idOf(id))

  expect(main.fetches(namespace)).toBe(0)
  for (const id of ids) expect([main.reports(id), events(id)]).toEqual([[], ['queued']])
  // Never more than its free slots.
  expect(Math.max(...claims().map(({ limit = 0 }) => limit))).toBe(6)
})

it('asks under the same claimId until it is answered, and so starts what a lost answer had claimed', async () => {
  main.add(namespace, 'task-1')
  main.fault = ({ kind }) => (kind === 'claim' && claims().length < 2 ? 'drop' : undefined)
  await serve()
  await eventually(() => expect(claims().length).toBeGreaterThan(3), 5000)
  const [first, second, third, fourth] = claims().map(({ body }) => body.claimId)
  expect([second, third]).toEqual([first, first])
  expect(fourth).not.toBe(first)
  await started(idOf('task-1'))
  expect(events('task-1')).toEqual(['queued'])
})

it('goes on by fetching and claiming where main does not offer it', async () => {
  main.offersClaims = false
  main.add(namespace, 'task-1')
  await serve()
  await started(idOf('task-1'))

  expect(main.reports('task-1').map(({ status }) => status)).toEqual(['queued'])
})

it('ends a parked request when a gate closes, and learns what it had claimed', async () => {
  let running = true
  await serve({ waitSeconds: 25, isWorkerRunning: () => running })
  await main.until(parked)
  // The answer is on its way for ever, and the gate closes.
  main.fault = ({ kind, limit }) => (kind === 'claim' && limit !== 0 ? 'hang' : undefined)
  running = false
  await eventually(() => expect(claims().at(-1)?.limit).toBe(0), 5000)
  expect(new Set(claims().map(({ body }) => body.claimId)).size).toBe(1)

  main.add(namespace, 'task-1')
  const before = claims().length
  await eventually(() => expect(processor?.statuses()).toMatchObject([{ closedBy: 'worker_not_running' }]))
  expect([claims().length, events('task-1')]).toEqual([before, []])
})

it('gives back what it claimed without learning of it, when it is stopped', async () => {
  main.add(namespace, 'task-1')
  main.fault = ({ kind, limit }) => (kind === 'claim' && limit !== 0 ? 'drop' : undefined)
  await serve()
  await main.until(() => claims().length > 1)
  expect(events('task-1')).toEqual(['queued'])
  await processor?.stop()

  expect(events('task-1')).toEqual(['queued', 'released'])
  await expect(client.workflow.getHandle(idOf('task-1')).describe()).rejects.toThrow()
})

it('gives back what it claimed without learning of it, when a gate closes', async () => {
  let running = true
  main.add(namespace, 'task-1')
  main.fault = ({ kind, limit }) => {
    if (kind !== 'claim' || limit === 0) return undefined
    running = false
    return 'drop'
  }
  await serve({ isWorkerRunning: () => running })
  await main.until(() => events('task-1').length > 1)

  expect(events('task-1')).toEqual(['queued', 'released'])
})

it('claims a suspect alone, once nothing else is under way', async () => {
  main.add(namespace, 'suspect')
  for (let takeOver = 0; takeOver <= 2; takeOver += 1) {
    main.apply('suspect', { status: 'queued', fencingToken: `crashed-${takeOver}-claimer` })
    main.advance(301)
  }
  main.add(namespace, 'innocent')
  await serve()
  await Promise.all([started(idOf('suspect')), started(idOf('innocent'))])

  expect(main.reports('innocent')).toEqual([])
  expect(main.reports('suspect').map(({ alone }) => alone)).toEqual([true])
})
