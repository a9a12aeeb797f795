/**
 * The pull loop against a real Temporal server and a main that speaks the protocol; no worker is needed. One file, as
 * they share the main that they pull from.
 */
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import { attemptWorkflowId, providerTaskQueue } from '@/protocol/names.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { ProtocolMain } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
import { createProcessor, readableLogger, uniqueName } from './support.js'

const address = inject('temporalAddress')
let namespace: string
let main: ProtocolMain
let client: Client
let processor: TaskProcessor | null

beforeEach(async () => {
  namespace = uniqueName('loop')
  main = await ProtocolMain.start()
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

async function serve(
  overrides: Parameters<typeof createProcessor>[1] = {},
  config: Parameters<ProtocolMain['config']>[1] = {},
): Promise<void> {
  processor = createProcessor(address, overrides)
  await processor.start([main.config(namespace, config)])
}

const idOf = (taskId: string, attempt = 1) => attemptWorkflowId(namespace, taskId, `key-${taskId}`, attempt)
const status = (taskId: string) => main.task(taskId).state.status

async function firstArgument(workflowId: string): Promise<unknown> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory()
  const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]
  return JSON.parse(Buffer.from(payload?.data ?? []).toString())
}

async function started(workflowId: string) {
  return eventually(async () => {
    const run = await client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => undefined)
    return run ?? expect.fail(`${workflowId} was not started\n${main.account()}`)
  }, 20_000)
}

it('claims nothing while the provider has asked to wait, and goes on afterwards', async () => {
  const providerPauses = createProviderPauses()
  const { config } = main.config(namespace)
  providerPauses.pause(providerTaskQueue(config.taskQueue), 2)
  main.add(namespace, 'task-1')
  await serve({ providerPauses })
  const closed = () => expect(processor?.statuses()).toMatchObject([{ closedBy: 'provider_throttled' }])
  await eventually(closed, 20_000)
  expect(status('task-1')).toBe('pending')
  await started(idOf('task-1'))
  expect(providerPauses.pausedSeconds(config.taskQueue)).toBe(0)
})

describe('claim and start', () => {
  it('starts one workflow per task, under the id that names task, key and attempt', async () => {
    main.add(namespace, 'task-1', { prompt: 'a cat' })
    await serve()
    const run = await started(idOf('task-1'))

    expect(run).toMatchObject({ type: 'quickWorkflow', taskQueue: `queue-${namespace}`, status: { name: 'RUNNING' } })
    expect(await firstArgument(run.workflowId)).toEqual({
      apiCallId: 'task-1',
      requestParams: { prompt: 'a cat' },
      callbackUrl: main.config(namespace).config.internalAPIs.reportTaskEvent,
      taskKey: 'key-task-1',
      attempt: 1,
    })
    expect(main.task('task-1').events.map(({ type }) => type)).toEqual(['queued'])
  })

  it('numbers the next attempt by the attempts that ended', async () => {
    main.add(namespace, 'task-1')
    main.apply('task-1', { status: 'queued', fencingToken: 'somebody-elses' })
    const error = { code: 'provider_error', message: 'no' }
    main.apply('task-1', { status: 'failed', attempt: 1, fencingToken: 'somebody-elses', error, retryable: true })
    main.advance(3600)
    await serve()

    await started(idOf('task-1', 2))
    expect(main.task('task-1').state).toMatchObject({ status: 'queued', attempts: 1 })
  })

  it('takes batch after batch, never asking for more than its free slots', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `task-${index}`)
    for (const id of ids) main.add(namespace, id)
    await serve({ batchSize: 4, startConcurrency: 3 })
    for (const id of ids) expect((await started(idOf(id))).status.name).toBe('RUNNING')

    expect(ids.flatMap((id) => main.reports(id))).toHaveLength(25)
    expect(Math.max(...main.seen.map(({ limit = 0 }) => limit))).toBe(3)
  })

  it('shares the tasks of one main between two processors: one queued event and one workflow each', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `task-${index}`)
    for (const id of ids) main.add(namespace, id)
    const second = createProcessor(address)
    await second.start([main.config(namespace)])
    await serve()
    for (const id of ids) expect((await started(idOf(id))).status.name).toBe('RUNNING')
    await Promise.all([processor?.stop(), second.stop()])

    for (const id of ids) expect(main.task(id).events.map(({ type }) => type)).toEqual(['queued'])
    expect(ids.flatMap((id) => main.reports(id, 'released'))).toEqual([])
  })

  it('skips a task that another has claimed meanwhile, quietly', async () => {
    main.add(namespace, 'task-1')
    const { logger, text } = readableLogger()
    main.fault = ({ body }) => {
      if (body.status === 'queued') main.apply('task-1', { status: 'queued', fencingToken: 'the-faster-one' })
      return undefined
    }
    await serve({ logger })
    await main.until(() => main.reports('task-1').length > 0 && main.fetches(namespace) > 3)

    expect(main.task('task-1').state.fencingToken).toBe('the-faster-one')
    expect(main.reports('task-1')).toHaveLength(1)
    expect(text()).not.toMatch(/"level":(40|50)/)
  })

  it('leaves a row that is another task than the one that was fetched, until it has fetched that one', async () => {
    const task = main.add(namespace, 'task-1')
    main.fault = ({ body }) => {
      if (body.status === 'queued') task.taskKey = 'key-of-a-later-row'
      return undefined
    }
    await serve()
    await started(attemptWorkflowId(namespace, 'task-1', 'key-of-a-later-row', 1))

    const claims = main.reports('task-1', 'queued')
    expect(claims.map(({ taskKey }) => taskKey)).toEqual(['key-task-1', 'key-of-a-later-row'])
    await expect(client.workflow.getHandle(idOf('task-1')).describe()).rejects.toThrow()
  })

  it('asks the same claim again when its answer was lost', async () => {
    main.add(namespace, 'task-1')
    let dropped = 0
    main.fault = ({ body }) => {
      if (body.status !== 'queued' || dropped === 2) return undefined
      dropped += 1
      return 'drop'
    }
    await serve()
    await started(idOf('task-1'))

    const claims = main.reports('task-1', 'queued')
    expect(claims).toHaveLength(3)
    expect(new Set(claims.map(({ fencingToken }) => fencingToken)).size).toBe(1)
    expect(main.task('task-1').events.map(({ type }) => type)).toEqual(['queued'])
  })

  /** A task whose claims ended without a run, again and again: it may be what ended its claimers. */
  function addSuspect(id: string): void {
    main.add(namespace, id)
    for (let takeOver = 0; takeOver <= 2; takeOver += 1) {
      main.apply(id, { status: 'queued', fencingToken: `crashed-${takeOver}-claimer` })
      main.advance(301)
    }
  }

  it('claims a suspect alone, once nothing else is under way', async () => {
    addSuspect('suspect')
    main.add(namespace, 'innocent')
    await serve()
    await Promise.all([started(idOf('suspect')), started(idOf('innocent'))])

    expect(main.reports('suspect').map(({ alone }) => alone)).toEqual([undefined, true])
  })

  it('claims a suspect no sooner than what is under way has ended', async () => {
    addSuspect('suspect')
    main.add(namespace, 'slow')
    let beside: string | undefined
    main.fault = ({ body: { apiCallId, alone } }) => {
      if (alone) beside ??= status('slow')
      // Its claim is asked again once the first one has not been answered for two seconds.
      return apiCallId === 'slow' && main.reports('slow').length === 0 ? 'hang' : undefined
    }
    await serve({ requestTimeoutMs: 2000 })
    await main.until(() => beside !== undefined)

    expect(beside).toBe('queued')
  })

  it('serves fifty tasks behind ten poisonous ones before it dares to claim one of those', async () => {
    for (let i = 0; i < 10; i += 1) addSuspect(`poisonous-${i}`)
    for (let i = 0; i < 50; i += 1) main.add(namespace, `innocent-${i}`)
    let served = 0
    main.fault = ({ body: { alone } }) => {
      if (!alone) return undefined
      served ||= Array.from({ length: 50 }, (_, i) => status(`innocent-${i}`)).filter((is) => is === 'queued').length
      // As if the claim had ended the process that made it.
      return 'hang'
    }
    await serve({ batchSize: 10, requestTimeoutMs: 1000 })
    await main.until(() => served > 0)

    expect(served).toBe(50)
  })
})

describe('a parked fetch', () => {
  const parked = () => main.seen.some(({ waitSeconds = 0 }) => waitSeconds > 0)

  it('is answered with the next task at once, however long the polls are apart', async () => {
    await serve({ waitSeconds: 25, pollIntervalMs: 20, maxPollIntervalMs: 60_000 })
    await main.until(parked)
    const before = main.fetches(namespace)
    main.add(namespace, 'task-1')
    await started(idOf('task-1'))

    expect(main.fetches(namespace)).toBeLessThan(before + 3)
  })

  it('is asked for again when main had nothing', async () => {
    await serve({ waitSeconds: 0.2, maxPollIntervalMs: 60_000 })
    await main.until(() => main.seen.filter(({ waitSeconds = 0 }) => waitSeconds > 0).length > 2)

    expect(main.seen.slice(1).every(({ waitSeconds }) => waitSeconds === 0.2)).toBe(true)
  })

  it('claims nothing if a gate has closed meanwhile', async () => {
    let running = true
    const { logger, lines } = readableLogger()
    await serve({ logger, waitSeconds: 25, isWorkerRunning: () => running })
    await main.until(parked)
    running = false
    main.add(namespace, 'task-1')
    await eventually(() => expect(lines.some(({ reason }) => reason === 'worker_not_running')).toBe(true))

    expect(main.reports('task-1')).toEqual([])
  })
})

describe('tasks that cannot be started', () => {
  it.each([
    ['unbuildable_params', { buildWorkflowParams: () => { throw new Error('no prompt') } }], // biome-ignore format: one case a line
    ['unbuildable_workflow_id', { buildWorkflowId: () => { throw new Error('no id') } }], // biome-ignore format: one case a line
    ['params_too_large', { buildWorkflowParams: () => ({ apiCallId: 'task-1', requestParams: 'x'.repeat(2e6), callbackUrl: '' }) }], // biome-ignore format: one case a line
    ['workflow_rejected', { buildWorkflowId: () => 'x'.repeat(2000) }],
  ])('fail at once, for good, with the reason %s', async (code, config) => {
    main.add(namespace, 'task-1')
    await serve({}, config)
    await main.until(() => status('task-1') === 'failed')

    expect(main.task('task-1').state).toMatchObject({ retryable: false, attempts: 1, error: { code } })
  })
})
