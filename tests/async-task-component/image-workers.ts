/** The workers of the image integration as the daemon runs them, beside a simulator of its gateway. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject, onTestFinished } from 'vitest'
import { createArtifactStore } from '@/artifacts/index.js'
import { WorkerManager } from '@/async-task-component/worker-manager.js'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import { loadConfig } from '@/config/load.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import type { ProtocolMain } from '@/testing/protocol-main.js'
import { activityContext, silent } from './support.js'

const INTEGRATIONS = fileURLToPath(new URL('../../integrations', import.meta.url))

export const IMAGE_WORKFLOW = 'imageGenerationWorkflow'

export interface ImageWorkersOptions {
  temporalNamespace: string
  main: ProtocolMain
  gatewayUrl: string
  shutdownGraceMs: number
}

/** @returns once they run; they end with the test at the latest */
export async function startImageWorkers({ temporalNamespace, main, gatewayUrl, shutdownGraceMs }: ImageWorkersOptions) {
  const artifactsDir = await mkdtemp(join(tmpdir(), 'images-'))
  const mainUrl = main.url
  const providerPauses = createProviderPauses()
  const workers = new WorkerManager(inject('temporalAddress'), temporalNamespace, {
    activityContext: {
      ...activityContext,
      mainUrl,
      artifacts: createArtifactStore({ dir: artifactsDir }, mainUrl),
      integrations: loadConfig({ env: { IMAGE_SIMULATOR_URL: gatewayUrl } }).integrations,
      providerPauses,
    },
    shutdownGraceMs,
    logger: silent,
  })
  const infos = await collectIntegrationWorkflows(INTEGRATIONS)
  const [image] = infos.filter(({ workflowNames }) => workflowNames?.includes(IMAGE_WORKFLOW))
  if (!image) throw new Error('There is no image integration')
  await workers.connect()
  workers.createWorkers([image])
  const stop = async () => {
    await workers.disconnect()
    await rm(artifactsDir, { recursive: true, force: true })
  }
  onTestFinished(stop)
  await workers.startAll()
  return {
    taskQueue: image.taskQueue,
    providerPauses,
    isRunning: (taskQueue: string) => workers.isRunning(taskQueue),
    /** Drains them. */
    stop,
  }
}
