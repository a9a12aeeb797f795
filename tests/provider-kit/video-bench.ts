/** The video workflow beside Ark's simulator. */
import { createHash } from 'node:crypto'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { createActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { createArkSimulator, type Simulator } from '@/tools/simulators/index.js'
import { type WorkflowBench, withWorkflowBench } from './workflow-bench.js'

const TASKS = '/api/v3/contents/generations/tasks'

export const videoRequest = { prompt: 'A paper boat on a puddle', ratio: '9:16', duration: 2, returnLastFrame: true }

export interface VideoBench extends WorkflowBench {
  ark: Simulator
  arkUrl: string
}

export interface VideoBenchOptions {
  /** Default 100. */
  latencyMs?: number
  /** The simulator's clock, and how long its slow answers take. Default: the simulator's own defaults. */
  now?: () => number
  slowBodyMs?: number
  /** Whether the workflow takes the simulator for the provider, and goes by its own settings. Default false. */
  asProvider?: boolean
  /** In place of the integration's own. */
  workflowsPath?: string
  createVideoActivities?: typeof createActivities
  /** Of the integration's configuration. */
  [setting: string]: unknown
}

/** Runs `test` beside a worker of the video integration and a simulator of its own. */
export async function withVideoBench(
  environment: TestWorkflowEnvironment,
  {
    latencyMs = 100,
    now,
    slowBodyMs,
    asProvider = false,
    workflowsPath,
    createVideoActivities = createActivities,
    ...section
  }: VideoBenchOptions,
  test: (bench: VideoBench) => Promise<void>,
): Promise<void> {
  const ark = createArkSimulator({ latencyMs, ...(now && { now }), ...(slowBodyMs !== undefined && { slowBodyMs }) })
  const { url: arkUrl } = await ark.start()
  try {
    const provider = asProvider ? { apiKey: 'a-key', baseUrl: arkUrl, model: 'doubao-seedance-1-0-pro' } : {}
    const integrations = { fangzhouVideoGeneration: { simulatorUrl: arkUrl, ...provider, ...section } }
    const options = {
      folder: 'fangzhouVideoGeneration',
      workflowsPath,
      createActivities: createVideoActivities,
      integrations,
    }
    await withWorkflowBench(environment, options, (workflows) => test({ ...workflows, ark, arkUrl }))
  } finally {
    await ark.stop()
  }
}

/** The creates that the simulator was asked for. */
export function creates(ark: Simulator) {
  return ark.requests.filter(({ method, path }) => method === 'POST' && path === TASKS)
}

/** The status of a task at the simulator; 404 where there is none. */
export async function statusAt(arkUrl: string, id: string): Promise<string | number> {
  const response = await fetch(`${arkUrl}/contents/generations/tasks/${id}`, { headers: { authorization: 'Bearer x' } })
  return response.ok ? ((await response.json()) as { status: string }).status : response.status
}

/** Has the simulator make a task, as an attempt of the bench's task would have. */
export async function createEarlier(arkUrl: string, prompt: string, seed?: number): Promise<string> {
  const response = await fetch(`${arkUrl}/contents/generations/tasks`, {
    method: 'POST',
    headers: { authorization: 'Bearer earlier', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', content: [{ type: 'text', text: prompt }], duration: 2, seed }),
  })
  return ((await response.json()) as { id: string }).id
}

/** The mark of an attempt of the bench's task. */
export function seedOfAttempt(attempt: number): number {
  return createHash('sha256').update(`k7Qx2:${attempt}`).digest().readUInt32BE(0) >>> 1
}
