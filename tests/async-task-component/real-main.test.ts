/**
 * The task processor against main itself, over HTTP, with Temporal: each way that a claim can go. One file, as they
 * share one main, which takes long to start.
 */
import { readFile } from 'node:fs/promises'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest'
import { roundEnded } from '@/async-task-component/reconciler.js'
import type { TaskProcessor } from '@/async-task-component/task-processor.js'
import type { PullModeConfig } from '@/integrations/index.js'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import type { ProcessorReport, RunReport, TaskEvent } from '@/protocol/index.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { TaskReader, type TaskView } from '@/tasks/task-reader.js'
import { TaskStore } from '@/tasks/task-store.js'
import { type Answer, startTestMain, type TestMain } from '../support/main.js'
import { events, plantTask, policyWithoutPauses, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'
import { ALPHA_QUEUE, createProcessor, readableLogger, silent, startWorkers } from './support.js'

const NAMESPACE = 'testAsyncTask'
/** As `expect.poll` has it: what is waited for comes within a second or two, and on a busy machine within this. */
const SOON = { timeout: 20_000, interval: 50 }

let temporal: Awaited<ReturnType<typeof startWorkers>>
let client: Client
let main: TestMain
let processor: TaskProcessor
const planted: string[] = []

beforeAll(async () => {
  const address = inject('temporalAddress')
  ;[main, temporal] = await Promise.all([startTestMain(), startWorkers(address, ['alpha'])])
  client = temporal.client
})
afterAll(async () => {
  await temporal.stop()
  await main.stop()
})

beforeEach(() => {
  processor = newProcessor()
})
afterEach(async () => {
  await processor.stop()
  // What a test leaves behind is no other's business.
  const { controller } = main.component
  for (const id of planted.splice(0)) {
    await new TaskStore(controller, TEST_TASKS, { policy: policyWithoutPauses }).carryOut(id, {
      from: 'operator',
      status: 'cancelled',
      by: 'the test',
    })
  }
  for await (const { workflowId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
    await client.workflow.getHandle(workflowId).terminate()
  }
})

function newProcessor(logger: Logger = silent, waitSeconds?: number): TaskProcessor {
  return createProcessor(inject('temporalAddress'), {
    temporalNamespace: temporal.temporalNamespace,
    internalToken: main.token,
    isWorkerRunning: (queue) => temporal.workers.isRunning(queue),
    logger,
    reconcileIntervalMs: 50,
    ...(waitSeconds !== undefined && { waitSeconds }),
    uncheckedForSeconds: 0,
  })
}

/** @param workflowName of the fixture `alpha` */
function serve(workflowName: string, of = processor): Promise<void> {
  const url = (name: string) => `${main.url}${TEST_API}/${name}`
  const reportTaskEvent = url('reportTestAsyncTaskResult')
  const config: PullModeConfig = {
    enabled: true,
    taskQueue: ALPHA_QUEUE,
    workflowName,
    buildWorkflowId: ({ id }) => id,
    buildWorkflowParams: ({ id, requestParams }) => ({ apiCallId: id, requestParams, callbackUrl: reportTaskEvent }),
    internalAPIs: {
      fetchPendingTasks: url('fetchPendingTasks'),
      claimTasks: url('claimTasks'),
      reportTaskEvent,
      runsToCheck: url('runsToCheck'),
    },
  }
  return of.start([{ namespace: NAMESPACE, config }])
}

interface Planted {
  id: string
  taskKey: string
  workflowId: string
}

async function plant(events: TaskEvent[] = []): Promise<Planted> {
  const { controller } = main.component
  const id = await plantTask(controller, { events })
  planted.push(id)
  const taskKey = await taskKeyOf(controller, id)
  return { id, taskKey, workflowId: attemptWorkflowId(NAMESPACE, id, taskKey, 1) }
}

/** As somebody else reports: another processor, or the task's run. */
function report({ id, taskKey }: Planted, request: RunReport | ProcessorReport): Promise<Answer> {
  return main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId: id, taskKey, ...request })
}

/** Has the workflow of the first attempt started, as an earlier processor would have. */
function startRun({ id, taskKey, workflowId }: Planted, workflowName: string, outcome?: AttemptOutcome) {
  const input = { apiCallId: id, attempt: 1, taskKey, requestParams: outcome, callbackUrl: '' }
  return client.workflow.start(workflowName, { taskQueue: ALPHA_QUEUE, workflowId, args: [input] })
}

async function view({ taskKey }: Planted): Promise<TaskView> {
  const found = await new TaskReader(main.component.controller, TEST_TASKS).view(taskKey, 'operator')
  if (!found) throw new Error(`There is no task ${taskKey}`)
  return found
}

/** What moved the task; looks at its run move nothing. */
async function moves(task: Planted): Promise<string[]> {
  return (await view(task)).timeline.map(({ type }) => type).filter((type) => type !== 'checked')
}

async function statusOf({ id }: Planted): Promise<string | undefined> {
  return (await new TaskReader(main.component.controller, TEST_TASKS).find(id))?.state.status
}

async function runsOf({ workflowId }: Planted): Promise<number> {
  const handle = client.workflow.getHandle(workflowId)
  return handle.describe().then(
    () => 1,
    () => 0,
  )
}

const RESULT = { success: true, steps: ['done'] }
const completed: AttemptOutcome = { outcome: 'completed', attempt: 1, result: RESULT }
const claimed = { status: 'queued', fencingToken: 'of-the-crashed-daemon' } as const
const released = { status: 'released', attempt: 1, fencingToken: claimed.fencingToken } as const

it('main knows who asks, and that it stops', async () => {
  // As it is by default, main has it wait for tasks.
  const waiting = newProcessor(silent, 20)
  await serve('greet', waiting)
  const known = async () => {
    const { daemons } = (await main.internalGet('/api/operator/daemons')).body
    return daemons.at(-1)
  }
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  await expect.poll(known, SOON).toMatchObject({ integration: NAMESPACE, version, state: 'running', parked: true })
  await waiting.stop()
  await expect.poll(known, SOON).toMatchObject({ state: 'draining', parked: false })
  await waiting.leave()
  await expect.poll(known, SOON).toBeUndefined()
})

it('a pending task is claimed, and its workflow started', async () => {
  const task = await plant()
  await serve('patientWorkflow')
  await expect.poll(() => runsOf(task), SOON).toBe(1)

  expect(await moves(task)).toEqual(['queued'])
})

it('a run whose claim was given back goes on: it is adopted, and not started again', async () => {
  const task = await plant()
  const { firstExecutionRunId: runId } = await startRun(task, 'patientWorkflow')
  await report(task, claimed)
  expect(await report(task, released)).toMatchObject({ status: 200, body: { status: 'pending' } })
  expect(await report(task, { status: 'begin', attempt: 1, runId })).toMatchObject({ status: 200 })
  await serve('patientWorkflow')
  const next = await plant()
  await expect.poll(() => runsOf(next), SOON).toBe(1)

  expect((await moves(task)).slice(0, 4)).toEqual(['queued', 'released', 'queued', 'begun'])
  expect((await view(task)).state).toMatchObject({ status: 'queued', attempts: 0, runId })
})

it('a workflow that runs already is not started a second time', async () => {
  const task = await plant()
  const { firstExecutionRunId } = await startRun(task, 'patientWorkflow')
  const { logger, lines } = readableLogger()
  processor = newProcessor(logger)
  await serve('patientWorkflow')
  await expect.poll(() => lines.map(({ msg }) => msg), SOON).toContain('workflow is running already')
  await processor.stop()

  const { runId, status } = await client.workflow.getHandle(task.workflowId).describe()
  expect([runId, status.name]).toEqual([firstExecutionRunId, 'RUNNING'])
  expect((await view(task)).state).toMatchObject({ status: 'queued', attempts: 0, error: null })
})

it('a claim whose daemon died is taken over, by the same attempt', async () => {
  const task = await plant([events.queued(1, 1)])
  await serve('patientWorkflow')
  await expect.poll(() => runsOf(task), SOON).toBe(1)

  const { state, timeline } = await view(task)
  expect(state).toMatchObject({ attempts: 0, claim: { takeOver: true } })
  expect(timeline.filter(({ type }) => type === 'queued').slice(0, 2)).toMatchObject([{ attempt: 1 }, { attempt: 1 }])
})

it('what a run returned and could not report is delivered', async () => {
  const task = await plant()
  const run = await startRun(task, 'obedientWorkflow', completed)
  await run.result()
  const of = { attempt: 1, runId: run.firstExecutionRunId }
  await report(task, claimed)
  await report(task, { status: 'begin', ...of })
  expect(await report(task, { status: 'processing', ...of })).toMatchObject({ status: 200 })
  await serve('obedientWorkflow')
  await expect.poll(() => statusOf(task), SOON).toBe('completed')

  const { state, result } = await view(task)
  expect(state.attempts).toBe(1)
  expect(result).toEqual(RESULT)
})

it('a run that was terminated has failed, to be tried again', async () => {
  const task = await plant()
  const run = await startRun(task, 'patientWorkflow')
  await run.terminate('by hand')
  await report(task, claimed)
  await report(task, { status: 'processing', attempt: 1, runId: run.firstExecutionRunId })
  await serve('patientWorkflow')
  await expect.poll(() => statusOf(task), SOON).toBe('failed')

  expect((await view(task)).state).toMatchObject({
    attempts: 1,
    retryable: true,
    error: { code: 'workflow_terminated' },
  })
})

it('main is not asked for runs to check while it says that there are none, and again once there are', async () => {
  const asked = vi.spyOn(TaskReader.prototype, 'runsToCheck')
  let rounds = 0
  const deaf = roundEnded.listen(() => {
    rounds += 1
  })
  const reconciling = newProcessor(silent, 0.2)
  try {
    await serve('patientWorkflow', reconciling)
    const roundsWithoutAsking = async () => {
      const [before, from] = [asked.mock.calls.length, rounds]
      await expect.poll(() => rounds - from, SOON).toBeGreaterThan(3)
      return asked.mock.calls.length - before
    }
    await expect.poll(roundsWithoutAsking, SOON).toBe(0)

    const task = await plant()
    await report(task, claimed)
    await report(task, { status: 'processing', attempt: 1, runId: 'lost' })
    await expect.poll(() => statusOf(task), SOON).toBe('failed')
  } finally {
    await reconciling.stop()
    deaf()
    asked.mockRestore()
  }
})

it('a processor that stops leaves no claim without a workflow, and the next one starts what it gave back', async () => {
  const tasks = await Promise.all(Array.from({ length: 12 }, () => plant()))
  await serve('patientWorkflow')
  const queued = async () => {
    const statuses = await Promise.all(tasks.map(statusOf))
    return statuses.filter((status) => status === 'queued').length
  }
  await expect.poll(queued, SOON).toBeGreaterThan(0)
  await processor.stop()

  const left = await Promise.all(tasks.map(async (task) => `${await statusOf(task)}, ${await runsOf(task)} runs`))
  expect(left.filter((each) => each !== 'queued, 1 runs' && each !== 'pending, 0 runs')).toEqual([])
  processor = newProcessor()
  await serve('patientWorkflow')
  await expect.poll(async () => Promise.all(tasks.map(runsOf)), SOON).toEqual(tasks.map(() => 1))
})
