import type { IIntegrationConstructor } from '../index.js'
import { createPullIntegration, type PullIntegrationOptions } from '../shared/pull-integration.js'
import { type ImageRequest, imageRequestSchema, imageResultSchema } from './schemas.js'

/** Images by the Nano Banana models, of a gateway or of Gemini's own API, from text or from other images. */
export function createNanobanana2ImageGenerationIntegration(
  options: PullIntegrationOptions<ImageRequest>,
): IIntegrationConstructor {
  return createPullIntegration(
    {
      name: 'nanobanana2ImageGeneration',
      entityPrefix: 'Nanobanana2',
      workflowName: 'imageGenerationWorkflow',
      reportAPIName: 'reportNanobanana2Result',
      manualHandles: { queryAPIName: 'queryNanobanana2Status', takesCallbacks: false },
      requestSchema: imageRequestSchema,
      resultSchema: imageResultSchema,
    },
    options,
  )
}
