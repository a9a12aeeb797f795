/** Runs that ended without main knowing, and runs of cancelled tasks. */
import type { Client } from '@temporalio/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import { attemptWorkflowId } from '@/integrations/shared/names.js'
import type { AttemptOutcome } from '@/integrations/shared/task.js'
import { ProtocolMain } from '../support/protocol-main.js'
import { ALPHA_QUEUE, createProcessor, startWorkers, uniqueName } from './support.js'

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
  namespace = uniqueName('reconciled')
  main = await ProtocolMain.start()
  processor = createProcessor(address, { temporalNamespace, reconcileIntervalMs: 50, uncheckedForSeconds: 60 })
})

afterEach(async () => {
  await processor.stop()
  await main.stop()
})

const serve = () => processor.start([main.config(namespace, { taskQueue })])
const stateOf = (taskId: string) => main.task(taskId).state

/** A task whose run works, or was at work when it was last heard of. */
async function processing(taskId: string, workflowName: string, outcome?: AttemptOutcome) {
  const task = main.add(namespace, taskId)
  const run = await client.workflow.start(workflowName, {
    taskQueue,
    workflowId: attemptWorkflowId(namespace, taskId, task.taskKey, 1),
    args: [{ apiCallId: taskId, attempt: 1, taskKey: task.taskKey, requestParams: outcome, callbackUrl: '' }],
  })
  main.apply(taskId, { status: 'queued', fencingToken: 'its-first-claim' })
  main.apply(taskId, { status: 'begin', attempt: 1, runId: run.firstExecutionRunId })
  main.apply(taskId, { status: 'processing', attempt: 1, runId: run.firstExecutionRunId })
  return run
}

describe('a task in processing', () => {
  it('fails, to be tried again, when its workflow was terminated', async () => {
    const run = await processing('task-1', 'patientWorkflow')
    await run.terminate('by hand')
    main.advance(61)
    await serve()
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(stateOf('task-1')).toMatchObject({ retryable: true, attempts: 1, error: { code: 'workflow_terminated' } })
  })

  it('is given the result that its workflow returned and could not deliver', async () => {
    const outcome: AttemptOutcome = { outcome: 'completed', attempt: 1, result: { url: 'here' } }
    await (await processing('task-1', 'obedientWorkflow', outcome)).result()
    main.advance(61)
    await serve()
    await main.until(() => main.task('task-1').state.status === 'completed')

    expect(stateOf('task-1').result).toEqual({ url: 'here' })
  })

  it('is only noted while its workflow runs', async () => {
    const run = await processing('task-1', 'patientWorkflow')
    main.advance(61)
    await serve()
    await main.until(() => main.task('task-1').events.some(({ type }) => type === 'checked'))
    await processor.stop()

    expect(stateOf('task-1')).toMatchObject({ status: 'processing', attempts: 0 })
    expect((await run.describe()).status.name).toBe('RUNNING')
    await run.terminate()
  })

  it('is left alone where it was heard of a moment ago', async () => {
    await (await processing('task-1', 'patientWorkflow')).terminate()
    await serve()
    await main.until(() => main.seen.filter(({ kind }) => kind === 'check').length >= 3)

    expect(stateOf('task-1').status).toBe('processing')
  })

  it('is left alone by a verdict that comes too late: its token has changed', async () => {
    const run = await processing('task-1', 'patientWorkflow')
    await run.terminate()
    main.advance(61)
    main.fault = ({ kind, body }) => {
      if (kind === 'report' && body.status === 'failed' && stateOf('task-1').status === 'processing') {
        main.apply('task-1', { status: 'completed', attempt: 1, runId: run.firstExecutionRunId, result: 'in time' })
      }
      return undefined
    }
    await serve()
    await main.until(() => main.reports('task-1', 'failed').length > 0)
    await processor.stop()

    expect(stateOf('task-1')).toMatchObject({ status: 'completed', result: 'in time', attempts: 1 })
  })

  it('is reached behind a hundred that are alive', async () => {
    const alive = await processing('alive', 'patientWorkflow')
    for (let i = 0; i < 100; i++) {
      const { taskKey } = main.add(namespace, `alive-${i}`)
      expect(taskKey).toBeTruthy()
      main.apply(`alive-${i}`, { status: 'queued', fencingToken: `claim-of-alive-${i}` })
      const { firstExecutionRunId: runId } = await client.workflow.start('patientWorkflow', {
        taskQueue: 'a-queue-that-nobody-serves',
        workflowId: attemptWorkflowId(namespace, `alive-${i}`, taskKey, 1),
        args: [{}],
      })
      main.apply(`alive-${i}`, { status: 'processing', attempt: 1, runId })
    }
    await (await processing('dead', 'patientWorkflow')).terminate()
    main.advance(61)
    await serve()
    await main.until(() => stateOf('dead').status === 'failed')

    expect(stateOf('alive-99').status).toBe('processing')
    await alive.terminate()
  })
})

describe('the run of a cancelled task', () => {
  it('is cancelled, and looked at until it is seen closed', async () => {
    const run = await processing('task-1', 'patientWorkflow')
    main.apply('task-1', { status: 'cancelled', by: 'anna' })
    await serve()
    await expect(run.result()).rejects.toThrow()
    expect((await run.describe()).status.name).toBe('CANCELLED')

    main.advance(61)
    await main.until(() => main.task('task-1').events.at(-1)?.type === 'runClosed')
    expect(stateOf('task-1')).toMatchObject({ status: 'cancelled', runUnseen: false })
  })
})

it('concludes nothing where Temporal has no such namespace', async () => {
  await processor.stop()
  await (await processing('task-1', 'patientWorkflow')).terminate()
  main.advance(61)
  processor = createProcessor(address, {
    temporalNamespace: uniqueName('no-namespace'),
    reconcileIntervalMs: 50,
    uncheckedForSeconds: 60,
  })
  await serve()
  await main.until(() => main.seen.filter(({ kind }) => kind === 'check').length >= 3)

  expect(main.reports('task-1')).toEqual([])
  expect(stateOf('task-1').status).toBe('processing')
})
