/** Speech from text, by a provider that takes jobs and is asked how far they are. */
import { artifactSchema, defineIntegration } from 'interaqt-async-task'
import { z } from 'zod'

const jobSchema = z.object({
  id: z.string(),
  mark: z.string(),
  state: z.enum(['working', 'done', 'failed', 'cancelled']),
  url: z.string().nullish(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
})
const STATUS = { working: 'running', done: 'succeeded', failed: 'failed', cancelled: 'cancelled' } as const

export const acmeSpeech = defineIntegration({
  name: 'acmeSpeech',
  request: z.strictObject({ text: z.string().min(1).max(5000) }),
  result: z.strictObject({ audio: artifactSchema }),
  baseUrl: 'https://speech.example.com',
  errors: [
    [/rate|quota|overloaded/, 'unavailable'],
    [/invalid|moderation/, 'refused'],
  ],
  polled: {
    create: ({ http, request, mark }) => http.post('/v1/jobs', { ...request, mark }, jobSchema).then(({ id }) => id),
    poll: ({ http, id }) => http.get(`/v1/jobs/${id}`, jobSchema),
    status: ({ state, error }) => ({ status: STATUS[state], reason: error }),
    lookUp: {
      list: ({ http }) => http.get('/v1/jobs', z.object({ jobs: z.array(jobSchema) })).then(({ jobs }) => jobs),
      id: ({ id }) => id,
      carries: (job, { mark }) => job.mark === mark,
    },
    cancel: ({ http, id }) => http.delete(`/v1/jobs/${id}`),
    result: async ({ job, store }) => ({ audio: await store(job.url, 'audio') }),
  },
})

export const { createActivities } = acmeSpeech
