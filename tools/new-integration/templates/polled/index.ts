/** What the provider makes: say it in a line. Link its API's documents here. */
import { z } from 'zod'
import { artifactSchema, defineIntegration } from '../../../../provider-kit/definition/define.js'

/** A task, as the provider shows it. Name only what is relied on: fields come and go. */
const jobSchema = z.object({
  id: z.string(),
  mark: z.string(),
  state: z.string(),
  url: z.string().nullish(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
})
const STATUS = new Map<string, 'running' | 'succeeded' | 'failed' | 'cancelled'>([
  ['working', 'running'],
  ['done', 'succeeded'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
])

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
  polled: {
    // The mark is how a task is found again whose answer was lost: without it a task may be paid for twice.
    create: ({ http, request, mark }) => http.post('/v1/jobs', { ...request, mark }, jobSchema).then(({ id }) => id),
    poll: ({ http, id }) => http.get(`/v1/jobs/${id}`, jobSchema),
    status: ({ state, error }) => ({ status: STATUS.get(state), reason: error }),
    lookUp: {
      list: ({ http }) => http.get('/v1/jobs', z.object({ jobs: z.array(jobSchema) })).then(({ jobs }) => jobs),
      id: ({ id }) => id,
      carries: (job, { mark }) => job.mark === mark,
    },
    cancel: ({ http, id }) => http.delete(`/v1/jobs/${id}`),
    result: async ({ job, store }) => ({ file: await store(job.url, 'file') }),
  },
})

export const { createActivities } = newIntegration
