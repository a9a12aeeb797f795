/**
 * Runs that ended without main knowing, and runs of cancelled tasks. One file, as they share the runs that they look
 * at.
 */
import type { Client } from '@temporalio/client'
import protobuf from '@temporalio/proto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain } from '@/testing/protocol-main.js'
import { eventually } from '../support/eventually.js'
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
async function processing(taskId: string, workflowName: string, outcome?: AttemptOutcome, queue = taskQueue) {
  const task = main.add(namespace, taskId)
  const run = await client.workflow.start(workflowName, {
    taskQueue: queue,
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

  it.each<[shown: string, workflowName: string]>([
    ['failed with', 'failingWorkflow'],
    ['returned, as those of 0.1.0 do', 'obedientWorkflow'],
  ])('fails by the outcome that its workflow %s and could not deliver', async (_shown, workflowName) => {
    const failure = {
      error: { code: 'E42', message: 'No.' },
      retryable: false,
      retryAfterSeconds: 7,
      providerEnded: true,
    }
    await (await processing('task-1', workflowName, { outcome: 'failed', attempt: 1, ...failure }))
      .result()
      .catch(() => {})
    main.advance(61)
    await serve()
    await main.until(() => main.task('task-1').state.status === 'failed')

    expect(main.reports('task-1', 'failed')).toMatchObject([failure])
    expect(stateOf('task-1')).toMatchObject({ retryable: false, attempts: 1, error: failure.error, providerTask: null })
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

  it('is only noted while its workflow runs on, having continued as new', async () => {
    const run = await processing('task-1', 'renewingWorkflow')
    const latest = client.workflow.getHandle(run.workflowId)
    await eventually(async () => expect((await latest.describe()).runId).not.toBe(run.firstExecutionRunId))
    main.advance(61)
    await serve()
    await main.until(() => main.reports('task-1').length > 0)
    await processor.stop()

    expect(main.reports('task-1').map(({ status }) => status)).toEqual(['running'])
    expect(stateOf('task-1')).toMatchObject({ status: 'processing', attempts: 0 })
    await latest.terminate()
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

describe('a task in processing about which nothing can be told', () => {
  const stuck = Array.from({ length: 25 }, (_, i) => `stuck-${i}`)
  const outcome: AttemptOutcome = { outcome: 'completed', attempt: 1, result: { far: 'too large' } }
  const isStuck = (taskId: unknown) => String(taskId).startsWith('stuck')

  /** More of them than a round has room for, and behind them one whose workflow was terminated. */
  async function queueUp(): Promise<void> {
    const runs = stuck.map((id) => processing(id, 'obedientWorkflow', outcome))
    for (const run of await Promise.all(runs)) await run.result()
    main.advance(1)
    await (await processing('dead', 'patientWorkflow')).terminate()
    main.advance(61)
  }

  it('fails for good where main cannot take the outcome, and holds up nobody', async () => {
    await queueUp()
    main.fault = ({ body }) => (isStuck(body.apiCallId) && body.status === 'completed' ? 400 : undefined)
    await serve()
    await main.until(() => stateOf('dead').status === 'failed')

    await main.until(() => stuck.every((id) => stateOf(id).status === 'failed'))
    expect(stateOf('stuck-0')).toMatchObject({
      retryable: false,
      error: { code: 'result_rejected', message: expect.stringContaining('fault 400') },
    })
  })

  it('fails for good where its own failure is one that main cannot take', async () => {
    const error = { code: 'provider_busy', message: 'Come again next month' }
    const late: AttemptOutcome = { outcome: 'failed', attempt: 1, error, retryable: true, retryAfterSeconds: 2_592_000 }
    await (await processing('task-1', 'obedientWorkflow', late)).result()
    main.advance(61)
    main.fault = ({ body }) => (Number(body.retryAfterSeconds) > 86_400 ? 400 : undefined)
    await serve()
    await main.until(() => stateOf('task-1').status === 'failed')

    expect(stateOf('task-1')).toMatchObject({ retryable: false, error: { code: 'result_rejected' } })
  })

  it('holds up nobody where main takes neither the outcome nor that it has failed', async () => {
    await queueUp()
    main.fault = ({ body }) => (isStuck(body.apiCallId) && body.status !== 'running' ? 400 : undefined)
    await serve()
    await main.until(() => stateOf('dead').status === 'failed')

    expect(stateOf('stuck-0').status).toBe('processing')
  })

  it('holds up nobody where the id of its workflow cannot be built', async () => {
    await queueUp()
    const buildWorkflowId = ({ id }: { id: string }) => {
      if (isStuck(id)) throw new Error('no such customer any more')
      return id
    }
    await processor.start([main.config(namespace, { taskQueue, buildWorkflowId })])
    await main.until(() => stateOf('dead').status === 'failed')

    expect(stateOf('stuck-0')).toMatchObject({ status: 'processing', attempts: 0 })
  })

  it('fails for good where nobody can read what its workflow returned', async () => {
    const queue = uniqueName('foreign')
    const run = await processing('task-1', 'foreignWorkflow', undefined, queue)
    await completeForeign(queue)
    main.advance(61)
    await serve()
    await main.until(() => stateOf('task-1').status === 'failed')

    expect(stateOf('task-1')).toMatchObject({
      retryable: false,
      error: { code: 'workflow_outcome_invalid', message: expect.stringContaining('binary/of-another-kind') },
    })
    expect((await run.describe()).status.name).toBe('COMPLETED')
  })

  /** Plays a worker that speaks another encoding. */
  async function completeForeign(queue: string): Promise<void> {
    const { workflowService, connection } = client
    const worker = { namespace: temporalNamespace, identity: 'foreign' }
    const { taskToken } = await connection.withDeadline(Date.now() + 60_000, () =>
      workflowService.pollWorkflowTaskQueue({ ...worker, taskQueue: { name: queue } }),
    )
    const payload = { metadata: { encoding: Buffer.from('binary/of-another-kind') }, data: Buffer.from('?') }
    const commandType = protobuf.temporal.api.enums.v1.CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
    const completeWorkflowExecutionCommandAttributes = { result: { payloads: [payload] } }
    const commands = [{ commandType, completeWorkflowExecutionCommandAttributes }]
    await workflowService.respondWorkflowTaskCompleted({ ...worker, taskToken, commands })
  }
})

describe('the run of a cancelled task', () => {
  it('is cancelled, and looked at until it is seen closed', async () => {
    const run = await processing('task-1', 'patientWorkflow')
    main.apply('task-1', { status: 'cancelled', by: 'anna' })
    await serve()
    await eventually(async () => expect((await run.describe()).status.name).toBe('CANCELLED'), 20_000)

    main.advance(61)
    await main.until(() => main.task('task-1').events.at(-1)?.type === 'runClosed')
    expect(stateOf('task-1')).toMatchObject({ status: 'cancelled', runUnseen: false })
  })

  it('is not called closed while it is still ending', async () => {
    const run = await processing('task-1', 'slowlyCancelledWorkflow')
    main.apply('task-1', { status: 'cancelled', by: 'anna' })
    await serve()
    await main.until(() => main.reports('task-1').length > 0)
    expect(main.reports('task-1').map(({ status }) => status)).toEqual(['running'])
    expect(stateOf('task-1')).toMatchObject({ status: 'cancelled', runUnseen: true })

    await run.signal('letGo')
    await run.result()
    main.advance(61)
    await main.until(() => !stateOf('task-1').runUnseen)
    expect(main.reports('task-1').at(-1)).toMatchObject({ status: 'closed' })
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
