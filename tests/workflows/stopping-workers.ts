/** Workers of both provider integrations that stop runs short where they are told to. */
import { Context } from '@temporalio/activity'
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import pino from 'pino'
import { application } from '@/application.js'
import { type ArtifactStore, createArtifactStore } from '@/artifacts/index.js'
import { createActivities as createVideoActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { createActivities as createImageActivities } from '@/integrations/nanobanana2ImageGeneration/activities/index.js'
import { providerTaskQueue } from '@/protocol/names.js'
import { createTaskActivities } from '@/provider-kit/main-reports.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import type { Kind } from './real-tasks.js'

/** Where a run is stopped: at the nth execution of an activity, and at each that follows. */
export interface StoppingPoint {
  workflowId: string
  /** An activity's name; of a report, with what it says: `reportAttempt:completed`. */
  activity: string
  nth: number
  /** Before it does anything, in the middle of what it stores, or before Temporal learns that it is done. */
  at: 'start' | 'middle' | 'end'
}

export interface StoppingWorkersOptions {
  /** As Temporal records it. */
  identity: string
  /** What they do of the work on a task queue, of which integration, and the file of its workflows' bundle. */
  queues: Array<{ taskQueue: string; kind: Kind; role: 'workflows' | 'activities' | 'both'; bundle: string }>
  mainUrl: string
  internalToken: string
  artifactsDir: string
  /** The integrations' sections of the configuration. */
  integrations: object
  stopAt: StoppingPoint[]
}

const HEARTBEAT_INTERVAL_MS = 3000

/** @param stopped is told of each run that is stopped; the run goes on when what it returns is resolved */
export async function createStoppingWorkers(
  connection: NativeConnection,
  options: StoppingWorkersOptions,
  stopped: (workflowId: string) => Promise<unknown>,
): Promise<Worker[]> {
  const executions = new Map<string, number>()
  const stopAt = async (at: StoppingPoint['at'], { workflowId, activity }: Execution) => {
    const nth = executions.get(`${workflowId} ${activity}`) ?? 0
    const isDue = (point: StoppingPoint) =>
      point.workflowId === workflowId && point.activity === activity && point.at === at && nth >= point.nth
    if (options.stopAt.some(isDue)) await heartbeatingUntil(stopped(workflowId))
  }

  /** A store that can be stopped when it has received a part of an object. */
  const inPieces = (store: ArtifactStore): ArtifactStore => ({
    ...store,
    put(name, content, ...rest) {
      async function* pieces() {
        for await (const chunk of content) {
          const half = Math.ceil(chunk.length / 2)
          yield chunk.subarray(0, half)
          await stopAt('middle', thisExecution([]))
          yield chunk.subarray(half)
        }
      }
      return store.put(name, pieces(), ...rest)
    },
  })

  const interceptors: WorkerOptions['interceptors'] = {
    activity: [
      () => ({
        inbound: {
          async execute(input, next) {
            const execution = thisExecution(input.args)
            const name = `${execution.workflowId} ${execution.activity}`
            executions.set(name, (executions.get(name) ?? 0) + 1)
            await stopAt('start', execution)
            const result = await next(input)
            await stopAt('end', execution)
            return result
          },
        },
      }),
    ],
  }

  const { mainUrl, internalToken, artifactsDir, identity } = options
  const context = {
    mainUrl,
    internalToken,
    artifacts: inPieces(createArtifactStore({ dir: artifactsDir }, mainUrl)),
    integrations: application.sections.parse(options.integrations),
    providerPauses: createProviderPauses(),
    logger: pino({ level: 'silent' }),
  }
  const own = { video: createVideoActivities, image: createImageActivities }
  const perQueue = options.queues.map(async ({ taskQueue, kind, role, bundle }) => {
    const activities = { ...createTaskActivities(context), ...own[kind](context) }
    const common = { connection, identity, interceptors, activities }
    const workflowBundle = { codePath: bundle }
    const main = role === 'activities' ? {} : { workflowBundle, enableNonLocalActivities: role === 'both' }
    const provider = role === 'workflows' ? [] : [Worker.create({ ...common, taskQueue: providerTaskQueue(taskQueue) })]
    return Promise.all([Worker.create({ ...common, ...main, taskQueue }), ...provider])
  })
  return (await Promise.all(perQueue)).flat()
}

/** A run that is stopped is held by a worker that lives: Temporal must not take it for dead, however long that lasts. */
async function heartbeatingUntil(end: Promise<unknown>): Promise<void> {
  const activity = Context.current()
  const timer = setInterval(() => activity.heartbeat(), HEARTBEAT_INTERVAL_MS)
  await end.finally(() => clearInterval(timer))
}

interface Execution {
  workflowId: string
  activity: string
}

function thisExecution(args: unknown[]): Execution {
  const { activityType, workflowExecution } = Context.current().info
  const status = activityType === 'reportAttempt' ? `:${(args[1] as { status: string }).status}` : ''
  return { workflowId: workflowExecution?.workflowId ?? '', activity: activityType + status }
}
