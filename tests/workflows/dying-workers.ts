/** Runs that lose their worker: each is stopped at a point of its own, then all at once are left to a fresh worker. */
import { fileURLToPath } from 'node:url'
import type { History } from '@temporalio/common/lib/proto-utils.js'
import type { Worker } from '@temporalio/worker'
import { inject, vi } from 'vitest'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import { TEST_TOKEN } from '../support/main.js'
import { bundleOf } from '../support/shared.js'
import { startKillableProcess } from './killable-process.js'
import { KINDS, type Kind, type RealTask, type RealTasks } from './real-tasks.js'
import { createStoppingWorkers, type StoppingPoint, type StoppingWorkersOptions } from './stopping-workers.js'

/**
 * - `between`: the activity's completion is recorded, and the workflow's worker is gone; the activities' lives on
 * - `within`: the worker of both is gone in the middle of the activity
 */
export type Death = 'between' | 'within'

export interface DyingRun {
  kind: Kind
  death: Death
  point: Omit<StoppingPoint, 'workflowId'>
}

/** A run that lost its worker, once it has ended. */
export interface Survivor {
  task: RealTask
  outcome: AttemptOutcome
  history: History
}

/** The workers as histories name them: those that are killed, and those of this process, which live. */
export const KILLED = 'killed'
export const ALIVE = 'alive'

const STOPPED_WITHIN = { timeout: 150_000 }

/** Also for how long a request may be held before Temporal gives it up. */
const requestTimeoutMs = 60_000

/** @returns what became of the runs, in their order */
export async function killWorkers(world: RealTasks, runs: DyingRun[]): Promise<Survivor[]> {
  const ending: Array<() => Promise<unknown>> = []
  try {
    const bundles = await bundlesOfKinds()
    const tasks = await Promise.all(
      runs.map(async (run, index) => ({ ...(await world.claimed(run.kind, `Boat number ${index}.`)), run })),
    )
    const queues = (role: 'workflows' | 'activities' | 'both', death: Death) =>
      bundles.map(({ kind, bundle }) => ({ taskQueue: queueOf({ kind, death }), kind, role, bundle }))
    const options = {
      mainUrl: world.main.url,
      internalToken: TEST_TOKEN,
      artifactsDir: world.artifactsDir,
      integrations: {
        fangzhouVideoGeneration: { simulatorUrl: world.arkUrl, requestTimeoutMs, settleSeconds: 1 },
        nanobanana2ImageGeneration: { simulatorUrl: world.gatewayUrl, requestTimeoutMs },
        testAsyncTask: {},
      },
      stopAt: tasks.map(({ workflowId, run }) => ({ workflowId, ...run.point })),
    }

    const stopped = new Set<string>()
    const killed = new AbortController()
    const untilKilled = new Promise((resolve) => killed.signal.addEventListener('abort', resolve))
    const live = async (liveOptions: Pick<StoppingWorkersOptions, 'queues' | 'stopAt'>) => {
      const all = { ...options, ...liveOptions, identity: ALIVE }
      const workers = await createStoppingWorkers(world.env.nativeConnection, all, (workflowId) => {
        stopped.add(workflowId)
        return untilKilled
      })
      ending.push(run(workers))
    }
    const [victim] = await Promise.all([
      startKillableProcess(
        {
          ...options,
          identity: KILLED,
          temporalAddress: inject('temporalAddress'),
          queues: [...queues('workflows', 'between'), ...queues('both', 'within')],
        },
        (workflowId) => stopped.add(workflowId),
      ),
      live({ queues: queues('activities', 'between'), stopAt: options.stopAt }),
    ])
    ending.push(() => victim.kill())

    const startUntilStopped = async (those: typeof tasks, onCreated?: () => void) => {
      const handles = await Promise.all(those.map((task) => task.start(queueOf(task.run))))
      if (onCreated) {
        await vi.waitUntil(() => those.every((task) => task.creates().length > 0), STOPPED_WITHIN)
        onCreated()
      }
      await vi.waitUntil(() => those.every((task) => stopped.has(task.workflowId)), STOPPED_WITHIN)
      return handles
    }
    // Those that are stopped after a video's success come first: the others' videos must not be finished yet.
    const [late, early] = [true, false].map((is) => tasks.filter(({ run }) => isAfterSuccess(run) === is))
    const handles = [
      ...(await startUntilStopped(late ?? [], () => world.finishVideos())),
      ...(await startUntilStopped(early ?? [])),
    ]

    await victim.kill()
    killed.abort()
    world.makeVideosFast()
    await live({ queues: [...queues('workflows', 'between'), ...queues('both', 'within')], stopAt: [] })

    return await Promise.all(
      tasks.map(async (task) => {
        const handle = handles.find(({ workflowId }) => workflowId === task.workflowId)
        if (!handle) throw new Error(`${task.workflowId} was not started`)
        return { task, outcome: await handle.result(), history: await handle.fetchHistory() }
      }),
    )
  } finally {
    for (const end of ending.reverse()) await end()
  }
}

/** Runs workers until the function that it gives is called. */
function run(workers: Worker[]): () => Promise<unknown> {
  const running = workers.map((worker) => worker.run())
  return () => {
    for (const worker of workers) worker.shutdown()
    return Promise.all(running)
  }
}

function queueOf({ kind, death }: Pick<DyingRun, 'kind' | 'death'>): string {
  return `death-${death}-${kind}-${process.pid}-queue`
}

function isAfterSuccess({ kind, point }: DyingRun): boolean {
  return kind === 'video' && ['storeResult', 'reportAttempt:completed'].includes(point.activity)
}

function bundlesOfKinds() {
  return Promise.all(
    (Object.keys(KINDS) as Kind[]).map(async (kind) => {
      const workflowsPath = new URL(`../../integrations/${KINDS[kind].folder}/workflows/index.ts`, import.meta.url)
      return { kind, bundle: await bundleOf(fileURLToPath(workflowsPath)) }
    }),
  )
}
