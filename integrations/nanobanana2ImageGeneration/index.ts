import type { UserUrlOptions } from '../../lib/public-url.js'
import type { IIntegrationConstructor } from '../index.js'
import { createPullIntegration, type PullIntegrationOptions } from '../pull-integration.js'
import { createImageRequestSchema, type ImageRequest, imageResultSchema } from './schemas.js'

/** Images by the Nano Banana models, of a gateway or of Gemini's own API, from text or from other images. */
export function createNanobanana2ImageGenerationIntegration(
  options: PullIntegrationOptions<ImageRequest> & UserUrlOptions,
): IIntegrationConstructor {
  return createPullIntegration(
    {
      name: 'nanobanana2ImageGeneration',
      entityPrefix: 'Nanobanana2',
      workflowName: 'imageGenerationWorkflow',
      reportAPIName: 'reportNanobanana2Result',
      manualHandles: { queryAPIName: 'queryNanobanana2Status', takesCallbacks: false },
      requestSchema: createImageRequestSchema(options),
      resultSchema: imageResultSchema,
    },
    options,
  )
}
