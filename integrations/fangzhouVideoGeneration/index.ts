import type { IIntegrationConstructor } from '../index.js'
import { createPullIntegration, type PullIntegrationOptions } from '../shared/pull-integration.js'
import { type VideoRequest, videoRequestSchema, videoResultSchema } from './schemas.js'

/** Video by Volcengine Ark, from text or from a first frame. */
export function createFangzhouVideoGenerationIntegration(
  options: PullIntegrationOptions<VideoRequest>,
): IIntegrationConstructor {
  return createPullIntegration(
    {
      name: 'fangzhouVideoGeneration',
      entityPrefix: 'FangzhouVideo',
      workflowName: 'videoPollingWorkflow',
      reportAPIName: 'reportFangzhouVideoResult',
      manualHandles: { queryAPIName: 'queryFangzhouVideoStatus', takesCallbacks: true },
      requestSchema: videoRequestSchema,
      resultSchema: videoResultSchema,
    },
    options,
  )
}
