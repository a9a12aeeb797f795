/** The rest of a task's life, once its workflow is started: what it costs main, and how many are completed in a second. */
import { randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import { applicationPullModes } from '../../../application/pulls.js'
import { application } from '../../../application.js'
import { BundleCache } from '../../../async-task-component/bundle-cache.js'
import { loadConfig } from '../../../config/load.js'
import { claimTasksAnswerSchema } from '../../../protocol/wire.js'
import { benchQueue, startManyBare } from '../bare.js'
import { names } from '../bench-application.js'
import { createTasks, WARM_UP } from '../between-bare.js'
import { readMachineTime, usedBetween } from '../machine-time.js'
import { bundlesOf, withFolder } from '../many.js'
import type { Figures, Measure } from '../measure.js'
import { BenchSystem } from '../system.js'
import { completedPerSecond, OF_MAIN, untilFound } from '../workflows.js'

const NAMESPACE = 'testAsyncTask'
const CLAIMED_AT_ONCE = 32
const CONCURRENCY = 8
/** Of a round's tasks: each takes long. */
const SHARE = 0.2
const COMPLETED = "ExecutionStatus = 'Completed'"
/** A worker that has just started compiles, too: so many are completed before. */
const COMPLETED_BEFORE = 100

export const life: Measure = {
  title: 'The rest of a task’s life: tasks that do nothing, completed by one worker',
  databases: ['postgresql'],
  run: ({ database, tasks }) =>
    BenchSystem.with({ database, built: true }, async (system) => {
      const count = Math.ceil(tasks * SHARE)
      await costOfReports(system, Math.min(WARM_UP, tasks))
      const reports = await costOfReports(system, count)
      const before = await completeBare(system, count)
      const completed = await completeTasks(system, count)
      const after = await completeBare(system, count)
      const bare = (before.perSecond + after.perSecond) / 2
      return {
        completedToBare: completed.perSecond / bare,
        ...reports,
        completedPerSecond: completed.perSecond,
        bareCompletedPerSecond: bare,
        bareBusyCores: (before.busyCores + after.busyCores) / 2,
        ...completed.costs,
        bareWorkerMsPerLife: (before.workerMs + after.workerMs) / 2,
        bareTemporalMsPerLife: (before.temporalMs + after.temporalMs) / 2,
      }
    }),
}

/** How many are completed in a second, and what each costs from its claim to its end. */
export async function completeTasks(
  system: BenchSystem,
  count: number,
  request?: object,
): Promise<{ perSecond: number; costs: Figures }> {
  const { temporal, stack, main } = system
  const daemon = await stack.startDaemon()
  const warmUp = Math.min(COMPLETED_BEFORE, count)
  await createTasks(system, warmUp, 16)
  await untilFound(temporal, warmUp, `${OF_MAIN} AND ${COMPLETED}`)
  process.kill(daemon.pid, 'SIGSTOP')
  await createTasks(system, count, 16, request)
  const query = `${OF_MAIN} AND StartTime >= '${new Date().toISOString()}'`
  const parts = { daemon: daemon.pid, main: main.pid }
  const before = readMachineTime(parts)
  process.kill(daemon.pid, 'SIGCONT')
  await untilFound(temporal, count, `${query} AND ${COMPLETED}`)
  const { byPart } = usedBetween(before, readMachineTime(parts))
  await daemon.stop()
  const costs = ['main', 'postgres', 'daemon', 'temporal'].flatMap((part) =>
    byPart[part] === undefined ? [] : [[`${part}MsPerLife`, byPart[part] / count]],
  )
  return { perSecond: await completedPerSecond(temporal, query), costs: Object.fromEntries(costs) }
}

interface BareLife {
  perSecond: number
  busyCores: number
  workerMs: number
  temporalMs: number
}

/** The same workflow and the same activities, of which those that report do nothing. */
function completeBare(system: BenchSystem, count: number): Promise<BareLife> {
  return withFolder(1, async (folder) => {
    const [name = ''] = names(1)
    const env = { BENCH_BUNDLES: bundlesOf(folder) }
    await new BundleCache(env.BENCH_BUNDLES).bundle(name, `${folder}/integrations/${name}/workflows/index.ts`)
    const worker = await system.startProcess('bare-workers', [name], env)
    const all = `TaskQueue = '${benchQueue(name)}' AND StartTime >= '${new Date().toISOString()}'`
    const warmUp = Math.min(COMPLETED_BEFORE, count)
    await startManyBare(system.temporal, name, warmUp)
    await untilFound(system.temporal, warmUp, `${all} AND ${COMPLETED}`)
    const query = `TaskQueue = '${benchQueue(name)}' AND StartTime >= '${new Date().toISOString()}'`
    const parts = { worker: worker.pid }
    const before = readMachineTime(parts)
    await startManyBare(system.temporal, name, count)
    await untilFound(system.temporal, count, `${query} AND ${COMPLETED}`)
    const after = readMachineTime(parts)
    await worker.stop()
    const { all: used, byPart } = usedBetween(before, after)
    return {
      perSecond: await completedPerSecond(system.temporal, query),
      busyCores: used / (after.at - before.at),
      workerMs: (byPart.worker ?? 0) / count,
      temporalMs: (byPart.temporal ?? 0) / count,
    }
  })
}

/** Claims tasks, then sends of each what its run reports, one request each. */
async function costOfReports(system: BenchSystem, count: number): Promise<Figures> {
  await createTasks(system, count, 16)
  const post = postTo(system.stack.env)
  const claimed: Array<{ apiCallId: string; taskKey: string; attempt: number }> = []
  while (claimed.length < count) {
    const answer = await post('claimTasks', { claimId: randomUUID(), limit: CLAIMED_AT_ONCE, waitSeconds: 1 })
    const { tasks } = claimTasksAnswerSchema.parse(answer)
    claimed.push(...tasks.map(({ id, taskKey, attempt }) => ({ apiCallId: id, taskKey, attempt })))
  }
  const limit = pLimit(CONCURRENCY)
  const parts = { main: system.main.pid }
  const before = readMachineTime(parts)
  await Promise.all(
    claimed.map((task) =>
      limit(async () => {
        const run = { ...task, runId: randomUUID() }
        for (const status of ['begin', 'processing'] as const) await post('report', { ...run, status })
        await post('report', { ...run, status: 'completed', result: { success: true, steps: ['process'] } })
      }),
    ),
  )
  const { byPart } = usedBetween(before, readMachineTime(parts))
  const of = (part: string) => (byPart[part] ?? 0) / count
  return {
    restOfLifeMs: of('main') + of('postgres'),
    restOfLifeMainMs: of('main'),
    restOfLifePostgresMs: of('postgres'),
  }
}

/** Asks main as the daemon does. */
function postTo(env: NodeJS.ProcessEnv) {
  const pull = applicationPullModes(application, loadConfig({ env, component: 'asyncTask' }))
    .find(({ namespace }) => namespace === NAMESPACE)
    ?.integration.getPullModeConfig?.()
  if (!pull) throw new Error(`${NAMESPACE} is not pulled`)
  const urls = { claimTasks: pull.internalAPIs.claimTasks, report: pull.internalAPIs.reportTaskEvent }
  return async (api: keyof typeof urls, body: object): Promise<unknown> => {
    const response = await fetch(String(urls[api]), {
      method: 'POST',
      headers: { authorization: `Bearer ${env.INTERNAL_API_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    if (!response.ok) throw new Error(`${api} answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
}
