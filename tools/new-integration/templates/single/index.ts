/** What the provider makes: say it in a line. Link its API's documents here. */
import { z } from 'zod'
import { artifactSchema, defineIntegration, impossible } from '../../../../provider-kit/definition/define.js'

const answerSchema = z.object({ url: z.string() })

export const newIntegration = defineIntegration({
  name: 'newIntegration',
  request: z.strictObject({ text: z.string().min(1).max(5000) }),
  result: z.strictObject({ file: artifactSchema }),
  example: { text: 'hello' },
  baseUrl: 'https://api.example.com',
  errors: [
    [/rate|quota|overloaded/, 'unavailable'],
    [/invalid|moderation/, 'refused'],
  ],
  single: {
    create: ({ http, request }) => http.post('/v1/make', request, answerSchema),
    // Nobody can ask what a request whose answer was lost has made: an operator decides, or `retry` pays again.
    lookUp: impossible({ onAmbiguousCreate: 'fail' }),
    result: async ({ answer, store }) => ({ file: await store(answer.url, 'file') }),
  },
})

export const { createActivities } = newIntegration
