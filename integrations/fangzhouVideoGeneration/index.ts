import type { UserUrlOptions } from '../../lib/public-url.js'
import type { IIntegrationConstructor } from '../index.js'
import { createPullIntegration, type PullIntegrationOptions } from '../pull-integration.js'
import { createVideoRequestSchema, type VideoRequest, videoResultSchema } from './schemas.js'

/** Video by Volcengine Ark, from text or from a first frame. */
export function createFangzhouVideoGenerationIntegration(
  options: PullIntegrationOptions<VideoRequest> & UserUrlOptions,
): IIntegrationConstructor {
  return createPullIntegration(
    {
      name: 'fangzhouVideoGeneration',
      entityPrefix: 'FangzhouVideo',
      workflowName: 'videoPollingWorkflow',
      reportAPIName: 'reportFangzhouVideoResult',
      manualHandles: { queryAPIName: 'queryFangzhouVideoStatus', takesCallbacks: true },
      requestSchema: createVideoRequestSchema(options),
      resultSchema: videoResultSchema,
    },
    options,
  )
}
