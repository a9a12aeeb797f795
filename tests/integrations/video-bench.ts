/** The video workflow beside Ark's simulator. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { createActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { createArkSimulator, type Simulator } from '@/simulators/index.js'
import { type WorkflowBench, withWorkflowBench } from './workflow-support.js'

const TASKS = '/api/v3/contents/generations/tasks'

export const videoRequest = { prompt: 'A paper boat on a puddle', ratio: '9:16', duration: 2, returnLastFrame: true }

export interface VideoBench extends WorkflowBench {
  ark: Simulator
  arkUrl: string
}

export interface VideoBenchOptions {
  /** Default 100. */
  latencyMs?: number
  /** Whether the workflow takes the simulator for the provider, and goes by its own settings. Default false. */
  asProvider?: boolean
  /** Of the integration's configuration. */
  [setting: string]: unknown
}

/** Runs `test` beside a worker of the video integration and a simulator of its own. */
export async function withVideoBench(
  environment: TestWorkflowEnvironment,
  { latencyMs = 100, asProvider = false, ...section }: VideoBenchOptions,
  test: (bench: VideoBench) => Promise<void>,
): Promise<void> {
  const ark = createArkSimulator({ latencyMs })
  const { url: arkUrl } = await ark.start()
  try {
    const provider = asProvider ? { apiKey: 'a-key', baseUrl: arkUrl, model: 'doubao-seedance-1-0-pro' } : {}
    const integrations = { fangzhouVideoGeneration: { simulatorUrl: arkUrl, ...provider, ...section } }
    const options = { folder: 'fangzhouVideoGeneration', createActivities, integrations }
    await withWorkflowBench(environment, options, (workflows) => test({ ...workflows, ark, arkUrl }))
  } finally {
    await ark.stop()
  }
}

/** The creates that the simulator was asked for. */
export function creates(ark: Simulator) {
  return ark.requests.filter(({ method, path }) => method === 'POST' && path === TASKS)
}
