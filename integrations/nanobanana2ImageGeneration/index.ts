/** Images by the Nano Banana models, from text or images, through a gateway or Gemini's own API. */
import { z } from 'zod'
import { defineIntegration, impossible } from '../../provider-kit/definition/define.js'
import { ERRORS, readError } from './errors.js'
import { askGemini, toGeminiBody } from './gemini.js'
import { measure } from './measure.js'
import { askGateway, toGatewayBody } from './openai-gateway.js'
import { inlineImages } from './reference-images.js'
import { createImageRequestSchema, imageResultSchema, unitsUsed } from './schemas.js'

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
     * The API: `openai`, chat completions of a gateway such as LiteLLM; or `gemini`, Gemini's own. `baseUrl` and,
     * without a key, `simulatorUrl` must offer that API.
     */
    backend: z.enum(['openai', 'gemini']).default('openai'),
  }),
  needsModel: true,
  simulator: {
    name: ({ backend }) => (backend === 'gemini' ? 'gemini' : 'image-gateway'),
    url: 'http://127.0.0.1:4011/v1',
  },
  // The time-out of one image.
  defaults: { requestTimeoutMs: 180_000 },
  // In a header, not in the URL: URLs are logged.
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

    usage: unitsUsed,

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
