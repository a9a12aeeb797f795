/** Images by the Nano Banana models, of a gateway or of Gemini's own API, from text or from other images. */
import { z } from 'zod'
import { defineIntegration, impossible } from '../../provider-kit/definition/define.js'
import { ERRORS, readError } from './errors.js'
import { askGemini, toGeminiBody } from './gemini.js'
import { measure } from './measure.js'
import { askGateway, toGatewayBody } from './openai-gateway.js'
import { inlineImages } from './reference-images.js'
import { createImageRequestSchema, imageResultSchema } from './schemas.js'

export const nanobanana2ImageGeneration = defineIntegration({
  name: 'nanobanana2ImageGeneration',
  env: 'IMAGE',
  entityPrefix: 'Nanobanana2',
  workflowName: 'imageGenerationWorkflow',
  request: createImageRequestSchema,
  result: imageResultSchema,
  example: { prompt: 'A lighthouse made of books, watercolour' },
  settings: z.object({
    /**
     * How the images are asked for: `openai`, by chat completions of a gateway such as LiteLLM; `gemini`, by Gemini's
     * own API. `baseUrl` and, without a key, `simulatorUrl` have to be of that kind.
     */
    backend: z.enum(['openai', 'gemini']).default('openai'),
  }),
  needsModel: true,
  simulator: {
    name: ({ backend }) => (backend === 'gemini' ? 'gemini' : 'image-gateway'),
    url: 'http://127.0.0.1:4011/v1',
  },
  // How long one image may take.
  defaults: { requestTimeoutMs: 180_000 },
  // In a header, and not in the address: addresses are logged.
  authenticate: (apiKey, { backend }): Record<string, string> =>
    backend === 'gemini' ? { 'x-goog-api-key': apiKey } : { authorization: `Bearer ${apiKey}` },
  errors: ERRORS,
  readError,
  single: {
    lookUp: impossible({ onAmbiguousCreate: 'fail' }),

    prepare: async ({ request, settings, model, fetchUserFile }) =>
      settings.backend === 'gemini'
        ? toGeminiBody(request, await inlineImages(request.referenceImages, fetchUserFile))
        : toGatewayBody(request, model),

    create: ({ http, prepared, settings, model }) =>
      settings.backend === 'gemini' ? askGemini(http, prepared, model) : askGateway(http, prepared, model),

    async result({ answer: { images, ...answer }, request, store, download, simulated }) {
      const stored = []
      for (const [index, image] of images.entries()) {
        const bytes = image instanceof URL ? await download(image) : image
        const measured = measure(bytes, request)
        const name = index === 0 ? 'image' : `image${index + 1}`
        stored.push({ ...(await store(bytes, name, { media: 'image' })), ...measured })
      }
      return { images: stored, ...answer, simulated }
    },
  },
})

export const { createActivities } = nanobanana2ImageGeneration
