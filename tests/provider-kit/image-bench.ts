/** The image workflow beside a gateway's simulator. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { createActivities } from '@/integrations/nanobanana2ImageGeneration/activities/index.js'
import { createImageGatewaySimulator, type Simulator } from '@/tools/simulators/index.js'
import { type WorkflowBench, withWorkflowBench } from './workflow-bench.js'

export const imageRequest = { prompt: 'A lighthouse in fog' }

export type ImageBench = WorkflowBench & { gateway: Simulator }

export interface ImageBenchOptions {
  /** Default 0. */
  latencyMs?: number
  /** A main to report to in place of the one that records. */
  mainUrl?: string
  /** Of the integration's configuration. */
  [setting: string]: unknown
}

/** Runs `test` beside a worker of the image integration and a simulator of its own. */
export async function withImageBench(
  environment: TestWorkflowEnvironment,
  { latencyMs = 0, mainUrl, ...section }: ImageBenchOptions,
  test: (bench: ImageBench) => Promise<void>,
): Promise<void> {
  const gateway = createImageGatewaySimulator({ latencyMs })
  const { url: simulatorUrl } = await gateway.start()
  try {
    const integrations = { nanobanana2ImageGeneration: { simulatorUrl, ...section } }
    const options = { folder: 'nanobanana2ImageGeneration', createActivities, integrations, mainUrl }
    await withWorkflowBench(environment, options, (workflows) => test({ ...workflows, gateway }))
  } finally {
    await gateway.stop()
  }
}
