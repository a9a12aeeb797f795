/** Task processor and workers together: what becomes of claims whose run is there already, or was. */
import type { Client, WorkflowHandle } from '@temporalio/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import { attemptWorkflowId, providerTaskQueue } from '@/protocol/names.js'
import { ProtocolMain } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
import { ALPHA_QUEUE, backlogOf, createProcessor, readableLogger, startWorkers, uniqueName } from './support.js'

const address = inject('temporalAddress')
const taskQueue = ALPHA_QUEUE
let temporal: Awaited<ReturnType<typeof startWorkers>>
let temporalNamespace: string
let client: Client
let namespace: string
let main: ProtocolMain
let processor: TaskProcessor

beforeAll(async () => {
  temporal = await startWorkers(address, ['alpha'])
  client = temporal.client
  temporalNamespace = temporal.temporalNamespace
})
afterAll(() => temporal.stop())

beforeEach(async () => {
  namespace = uniqueName('runs')
  main = await ProtocolMain.start()
  processor = createProcessor(address, {
    temporalNamespace,
    isWorkerRunning: (queue) => temporal.workers.isRunning(queue),
  })
})

afterEach(async () => {
  await processor.stop()
  await main.stop()
})

const serve = (workflowName = 'quickWorkflow') => processor.start([main.config(namespace, { taskQueue, workflowName })])
const idOf = (taskId: string) => attemptWorkflowId(namespace, taskId, `key-${taskId}`, 1)
const eventsOf = (taskId: string) => main.task(taskId).events.map(({ type }) => type)

/** A task that a daemon claimed and left, its lease over. */
function abandoned(taskId: string): void {
  main.add(namespace, taskId)
  main.apply(taskId, { status: 'queued', fencingToken: 'the-crashed-daemon' })
  main.advance(301)
}

/** The workflow that the crashed daemon had started before. */
async function startRun(taskId: string, workflowName: string, outcome?: AttemptOutcome) {
  const args = [{ apiCallId: taskId, attempt: 1, taskKey: `key-${taskId}`, requestParams: outcome, callbackUrl: '' }]
  return client.workflow.start(workflowName, { taskQueue, workflowId: idOf(taskId), args })
}

const failure = (error: AttemptOutcome & { outcome: 'failed' }) => error

describe('a task left in queued', () => {
  it('gets its workflow by the same attempt if it has none', async () => {
    abandoned('task-1')
    await serve()
    await eventually(() => client.workflow.getHandle(idOf('task-1')).result(), 20_000)

    expect(main.task('task-1').events).toMatchObject([
      { type: 'queued', attempt: 1, takeOver: false },
      { type: 'queued', attempt: 1, takeOver: true },
    ])
  })

  it('is left alone while its workflow runs', async () => {
    abandoned('task-1')
    const run = await startRun('task-1', 'patientWorkflow')
    await serve('patientWorkflow')
    await main.until(() => main.reports('task-1', 'running').length > 0)

    expect(eventsOf('task-1')).toEqual(['queued', 'queued', 'checked'])
    expect((await run.describe()).runId).toBe(run.firstExecutionRunId)
    await run.signal('letGo')
  })

  it('gets what its workflow returned', async () => {
    abandoned('task-1')
    await (await startRun('task-1', 'quickWorkflow')).result()
    await serve()
    await main.until(() => main.task('task-1').state.status === 'completed')

    expect(main.task('task-1').state.result).toEqual({ by: 'quickWorkflow', apiCallId: 'task-1' })
  })

  it('gets the failure that its workflow returned, as it was returned', async () => {
    abandoned('task-1')
    const error = { code: 'content_policy', message: 'not this one' }
    const outcome = failure({ outcome: 'failed', attempt: 1, error, retryable: false, providerEnded: true })
    await (await startRun('task-1', 'obedientWorkflow', outcome)).result()
    await serve()
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state).toMatchObject({ error, retryable: false, attempts: 1 })
    expect(main.task('task-1').events.at(-1)).toMatchObject({ type: 'failed', providerEnded: true })
  })

  it.each([400, 413])(
    'fails for good where main cannot take what its workflow returned, and says so with %i',
    async (fault) => {
      abandoned('task-1')
      await (await startRun('task-1', 'quickWorkflow')).result()
      main.fault = ({ body }) => (body.status === 'completed' ? fault : undefined)
      await serve()
      await main.until(() => main.task('task-1').state.status === 'failed')

      expect(main.task('task-1').state).toMatchObject({ retryable: false, error: { code: 'result_rejected' } })
      expect(main.reports('task-1', 'completed')).toHaveLength(1)
    },
  )

  it('fails, to be tried again, where main had refused its run', async () => {
    abandoned('task-1')
    const refused: AttemptOutcome = { outcome: 'refused', attempt: 1, reason: 'Cannot transition' }
    await (await startRun('task-1', 'obedientWorkflow', refused)).result()
    await serve()
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state).toMatchObject({ retryable: true, error: { code: 'run_refused' } })
  })

  it.each([
    ['workflow_failed', 'throwingWorkflow', async () => undefined],
    ['workflow_terminated', 'patientWorkflow', (id: string) => client.workflow.getHandle(id).terminate('by hand')],
    ['cancelled', 'patientWorkflow', (id: string) => client.workflow.getHandle(id).cancel()],
  ])('fails with %s, to be tried again unless somebody cancelled it', async (code, workflowName, end) => {
    abandoned('task-1')
    const run = await startRun('task-1', workflowName)
    await end(run.workflowId)
    await run.result().catch(() => undefined)
    await serve(workflowName)
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state).toMatchObject({
      retryable: code !== 'cancelled',
      attempts: 1,
      error: { code },
    })
  })

  it('fails for good where its workflow returned no outcome', async () => {
    abandoned('task-1')
    await (await startRun('task-1', 'obedientWorkflow', { nonsense: true } as unknown as AttemptOutcome)).result()
    await serve()
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state).toMatchObject({ retryable: false, error: { code: 'workflow_outcome_invalid' } })
  })

  it('fails as lost where its run had begun and Temporal does not know it', async () => {
    abandoned('task-1')
    main.apply('task-1', { status: 'begin', attempt: 1, runId: 'a-run-long-gone' })
    main.advance(301)
    await serve()
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state).toMatchObject({ retryable: true, error: { code: 'workflow_lost' } })
  })

  it('fails as lost where another run has its id: the retention of its own is over', async () => {
    abandoned('task-1')
    main.apply('task-1', { status: 'begin', attempt: 1, runId: 'a-run-long-gone' })
    main.advance(301)
    await startRun('task-1', 'patientWorkflow')
    await serve('patientWorkflow')
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state).toMatchObject({ retryable: true, error: { code: 'workflow_lost' } })
  })

  it('leaves an open create intent where its run had begun and main had forgotten it', async () => {
    abandoned('task-1')
    const run = await startRun('task-1', 'patientWorkflow')
    await client.workflow.getHandle(run.workflowId).terminate('by hand')
    await serve('patientWorkflow')
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.task('task-1').state.openIntents).toMatchObject([{ attempt: 1 }])
  })
})

describe('a fresh claim whose workflow was started before', () => {
  it('is done where that workflow runs', async () => {
    main.add(namespace, 'task-1')
    const run = await startRun('task-1', 'patientWorkflow')
    await serve('patientWorkflow')
    await main.until(() => main.reports('task-1', 'running').length > 0)

    expect(eventsOf('task-1')).toEqual(['queued', 'checked'])
    await run.signal('letGo')
  })

  it('gets the outcome of one that has ended', async () => {
    main.add(namespace, 'task-1')
    await (await startRun('task-1', 'quickWorkflow')).result()
    await serve()
    await main.until(() => main.task('task-1').state.status === 'completed')

    expect(eventsOf('task-1')).toEqual(['queued', 'processing', 'completed'])
  })
})

describe('the backlog gate', () => {
  it.each([
    ['activities', (queue: string) => queue],
    ['requests to the provider', providerTaskQueue],
  ])('looks at waiting %s as well', async (holds, half) => {
    const queue = `queue-${namespace}`
    const unserved = half(queue)
    const runs: WorkflowHandle[] = []
    const another = async () => {
      const workflowId = uniqueName('scattering')
      runs.push(await client.workflow.start('scatteringWorkflow', { taskQueue, workflowId, args: [unserved] }))
      return await backlogOf(client, unserved, 'activities')
    }
    await expect.poll(another, { interval: 500 }).toBeGreaterThanOrEqual(2)
    const { logger, lines } = readableLogger()
    processor = createProcessor(address, { temporalNamespace, maxBacklog: 2, logger })
    main.add(namespace, 'task-1')
    await processor.start([main.config(namespace, { taskQueue: queue })])
    const decided = () => main.seen.length > 0 || lines.some(({ msg }) => String(msg).startsWith('not claiming'))
    await eventually(() => expect(decided()).toBe(true), 20_000)

    expect(lines.map(({ msg }) => msg)).toContainEqual(
      expect.stringContaining(` ${holds} wait in ${unserved}, the limit is 2`),
    )
    expect(main.seen).toEqual([])
    for (const run of runs) await run.terminate()
  })
})
