/** What is made of an attempt's run, as Temporal has it: by who looks, who starts, and who looks after it. */
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { BoundedTemporal } from '@/async-task-component/bounded-temporal.js'
import type { TaskReport } from '@/async-task-component/main-client.js'
import { Reconciler } from '@/async-task-component/reconciler.js'
import { RunInspector, type RunView } from '@/async-task-component/run-inspector.js'
import { TaskStarter } from '@/async-task-component/task-starter.js'
import type { PullModeConfig } from '@/integrations/index.js'
import type { ClaimAnswer } from '@/protocol/messages.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import type { PendingTask, RunToCheck } from '@/protocol/wire.js'
import { eventually } from '../support/eventually.js'
import { silent, uniqueName } from './support.js'

const namespace = uniqueName('runs')
const taskQueue = `queue-${namespace}`
const timeoutMs = 10_000
const never = new AbortController().signal

let connection: Connection
let client: Client
let temporal: BoundedTemporal
let inspector: RunInspector
beforeAll(async () => {
  connection = await Connection.connect({ address: inject('temporalAddress') })
  client = new Client({ connection })
  temporal = new BoundedTemporal(connection, { timeoutMs })
  inspector = new RunInspector(temporal)
})
afterAll(async () => {
  for await (const { workflowId } of client.workflow.list({ query: `TaskQueue = '${taskQueue}'` })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined)
  }
  await connection.close()
})

const config: PullModeConfig = {
  enabled: true,
  taskQueue,
  workflowName: 'noWorkerHasIt',
  buildWorkflowId: ({ id }) => id,
  buildWorkflowParams: ({ id, requestParams }) => ({ apiCallId: id, requestParams, callbackUrl: '' }),
  internalAPIs: { fetchPendingTasks: '', reportTaskEvent: '' },
}

function newTask(): PendingTask {
  const id = uniqueName('task')
  return { id, taskKey: `key-${id}`, status: 'pending', attempts: 0, startedAt: null, createdAt: 1, requestParams: {} }
}

const workflowIdOf = ({ id, taskKey }: PendingTask) => attemptWorkflowId(namespace, id, taskKey, 1)

/** Starts the first attempt's workflow, which nobody works on. */
function startRun(task: PendingTask) {
  return client.workflow.start(config.workflowName, { taskQueue, workflowId: workflowIdOf(task) })
}

/** Takes what is told to main. */
function listener() {
  const told: unknown[] = []
  const report = async (said: TaskReport) => {
    told.push({ status: said.status, ...('result' in said && { result: said.result }) })
    return true
  }
  return { told, reports: { report } }
}

describe('who looks at a run', () => {
  it('sees the one that began the attempt', async () => {
    const task = newTask()
    const run = await startRun(task)
    expect(await inspector.inspect(workflowIdOf(task), run.firstExecutionRunId, never)).toEqual({ state: 'running' })
    expect(await inspector.inspect(workflowIdOf(task), undefined, never)).toEqual({ state: 'running' })
  })

  it('does not take another one under its id for it', async () => {
    const task = newTask()
    await startRun(task)
    expect(await inspector.inspect(workflowIdOf(task), crypto.randomUUID(), never)).toEqual({ state: 'none' })
  })

  it('sees none where there is none, and knows nothing where Temporal does not say', async () => {
    const away = new BoundedTemporal(connection, { namespace: uniqueName('no-such'), timeoutMs })
    const lost = new RunInspector(away)
    expect(await inspector.inspect(workflowIdOf(newTask()), undefined, never)).toEqual({ state: 'none' })
    expect(await lost.inspect(workflowIdOf(newTask()), undefined, never)).toMatchObject({ state: 'unknown' })
  })
})

describe('who starts a claimed task', () => {
  async function start(task: PendingTask, claim: Partial<ClaimAnswer>, view?: RunView) {
    const { told, reports } = listener()
    const seen = view === undefined ? inspector : { inspect: async () => view }
    const options = { namespace, config, temporal, stopping: never, expired: never }
    const starter = new TaskStarter({ ...options, reports, inspector: seen })
    const whole = { attempt: 1, fencingToken: 'mine', leaseSeconds: 300, takeOver: false, ...claim }
    const { did } = await starter.run(task, whole, silent)
    return { did, told, run: await inspector.inspect(workflowIdOf(task), undefined, never) }
  }

  it('starts its workflow', async () => {
    expect(await start(newTask(), {})).toEqual({ did: 'started', told: [], run: { state: 'running' } })
  })

  it('never uses the id of a run that has ended again', async () => {
    const task = newTask()
    await (await startRun(task)).terminate()
    const { did, told } = await start(task, {})
    expect(did).toBe('settled')
    expect(told).toEqual([{ status: 'failed' }])
  })

  it.each<[string, Partial<ClaimAnswer>, RunView, string, string[]]>([
    ['one that runs, of a claim taken over', { takeOver: true }, { state: 'running' }, 'running', ['running']],
    ['what it cannot see', { takeOver: true }, { state: 'unknown', cause: new Error('away') }, 'left', []],
    ['one that began and is lost', { takeOver: true, runId: 'it' }, { state: 'none' }, 'failed', ['failed']],
  ])('does not start %s', async (_what, claim, view, did, told) => {
    expect(await start(newTask(), claim, view)).toEqual({
      did,
      told: told.map((status) => ({ status })),
      run: { state: 'none' },
    })
  })
})

describe('who looks after runs', () => {
  async function lookAfter(run: RunToCheck, view: RunView): Promise<unknown[]> {
    const stop = new AbortController()
    const { told, reports } = listener()
    const rest = [run]
    const reconciler = new Reconciler({
      namespace,
      config,
      async fetchRuns() {
        if (rest.length === 0) stop.abort()
        return rest.splice(0)
      },
      reports,
      inspector: { inspect: async () => view },
      temporal,
      intervalMs: 1,
      stopping: stop.signal,
      expired: never,
      alive: () => undefined,
      logger: silent,
    })
    reconciler.start()
    try {
      await eventually(() => expect(stop.signal.aborted).toBe(true), 5000)
    } finally {
      stop.abort()
      await reconciler.stopped()
    }
    return told
  }
  const runOf = ({ id, taskKey }: PendingTask, status: RunToCheck['status'], runId: string): RunToCheck => ({
    apiCallId: id,
    taskKey,
    attempt: 1,
    fencingToken: 'of-the-row',
    status,
    runId,
  })

  it('tells main how one has ended', async () => {
    const verdict = { status: 'completed', result: { url: 'here' } } as const
    const told = await lookAfter(runOf(newTask(), 'processing', 'it'), { state: 'closed', verdict })
    expect(told).toEqual([verdict])
  })

  it('asks that of a cancelled task to be cancelled, and does not say that it is closed before it is', async () => {
    const task = newTask()
    const run = await startRun(task)
    const told = await lookAfter(runOf(task, 'cancelled', run.firstExecutionRunId), { state: 'running' })
    expect(told).toEqual([{ status: 'running' }])
    const { events } = await run.fetchHistory()
    expect(events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes)).toBe(true)
  })
})
