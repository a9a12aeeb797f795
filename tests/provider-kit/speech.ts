/** Definitions of each shape, as their authors would write them. */
import { z } from 'zod'
import { artifactSchema, defineIntegration, impossible } from '@/provider-kit/definition/define.js'

const jobSchema = z.object({
  id: z.string(),
  ref: z.string(),
  state: z.string(),
  url: z.string().optional(),
  seconds: z.number(),
  why: z.object({ code: z.string(), message: z.string() }).optional(),
})
const STATUS = { waiting: 'running', done: 'succeeded', broken: 'failed', stopped: 'cancelled' } as const
const isKnown = (state: string): state is keyof typeof STATUS => Object.hasOwn(STATUS, state)

const request = z.strictObject({ text: z.string().min(1).max(5000), voice: z.string().optional() })
const result = z.strictObject({ audio: artifactSchema, seconds: z.number() })

/** A provider that is polled, and lists what it has. */
export const polledSpeech = defineIntegration({
  name: 'polled-speech',
  request,
  result,
  settings: z.object({ voice: z.string().default('anna'), speed: z.number().optional(), loud: z.boolean().optional() }),
  example: { text: 'hello' },
  errors: [
    [/rate|overloaded/, 'unavailable'],
    [/moderation|invalid/, 'refused'],
    [/internal/, 'ambiguous'],
  ],
  polled: {
    create: ({ http, request, settings, mark }) =>
      http.post('/v1/speech', { voice: settings.voice, ...request, ref: mark }, jobSchema).then(({ id }) => id),
    poll: ({ http, id }) => http.get(`/v1/speech/${id}`, jobSchema),
    status: ({ state, why }) => ({ status: isKnown(state) ? STATUS[state] : undefined, reason: why }),
    lookUp: {
      list: ({ http }) => http.get('/v1/speech', z.object({ jobs: z.array(jobSchema) })).then(({ jobs }) => jobs),
      id: ({ id }) => id,
      carries: ({ ref }, { mark }) => ref === mark,
    },
    cancel: ({ http, id }) => http.delete(`/v1/speech/${id}`),
    usage: ({ state, seconds }) => (state === 'done' ? { milliseconds: 1000 * seconds } : {}),
    result: async ({ job, store }) => ({ audio: await store(job.url, 'audio'), seconds: job.seconds }),
  },
})

/** The same, by somebody who does more in a create than to create, and does it wrong. */
export const careless = defineIntegration({
  name: 'careless',
  request,
  result,
  settings: z.object({ trouble: z.string() }),
  polled: {
    async create({ http, mark, settings }) {
      const { id } = await http.post('/v1/speech', { ref: mark }, jobSchema)
      if (settings.trouble.startsWith('a mistake')) throw new TypeError('undefined is not a function')
      if (settings.trouble.startsWith('an id')) return ''
      await http.get(`/v1/speech/${id}`, jobSchema)
      return id
    },
    poll: ({ http, id }) => http.get(`/v1/speech/${id}`, jobSchema),
    status: ({ state }) => (isKnown(state) ? STATUS[state] : undefined),
    lookUp: {
      list: ({ http }) => http.get('/v1/speech', z.object({ jobs: z.array(jobSchema) })).then(({ jobs }) => jobs),
      id: ({ id }) => id,
      carries: ({ ref }, { mark }) => ref === mark,
    },
    result: async ({ job, store }) => ({ audio: await store(job.url, 'audio'), seconds: job.seconds }),
  },
})

/** The same, of which nobody can ask what it has, nor take anything back. */
export const unlistedSpeech = defineIntegration({
  name: 'unlisted-speech',
  request,
  result,
  errors: [[/moderation/, 'refused']],
  polled: {
    create: ({ http, request, mark }) =>
      http.post('/v1/speech', { ...request, ref: mark }, jobSchema).then(({ id }) => id),
    poll: ({ http, id }) => http.get(`/v1/speech/${id}`, jobSchema),
    status: ({ state, why }) => ({ status: isKnown(state) ? STATUS[state] : undefined, reason: why }),
    lookUp: impossible({ onAmbiguousCreate: 'fail' }),
    result: async ({ job, store }) => ({ audio: await store(job.url, 'audio'), seconds: job.seconds }),
  },
})

/** One long request, whose answer are the bytes. */
export const speechAtOnce = defineIntegration({
  name: 'speechAtOnce',
  request,
  result: result.pick({ audio: true }),
  authenticate: (apiKey) => ({ 'x-key': apiKey }),
  single: {
    prepare: async ({ request }) => request.text.toUpperCase(),
    create: ({ http, prepared }) => http.post('/v1/now', { text: prepared, ref: 'none' }, 'bytes'),
    lookUp: impossible({ onAmbiguousCreate: 'fail' }),
    usage: (answer) => ({ bytes: answer.length, nothing: undefined }),
    result: async ({ answer, store }) => ({ audio: await store(answer, 'audio', { media: 'audio' }) }),
  },
})

/** No provider at all. */
export const wordCount = defineIntegration({
  name: 'wordCount',
  request,
  result: z.strictObject({ words: z.number(), report: artifactSchema }),
  settings: z.object({ separator: z.string().default(' ') }),
  local: {
    async run({ request, settings, store }) {
      const words = request.text.split(settings.separator).length
      return { words, report: await store(Buffer.from(JSON.stringify({ words })), 'report') }
    },
  },
})

/** Workflows of its own. */
export const spelling = defineIntegration({
  name: 'spelling',
  request: z.strictObject({ text: z.string() }),
  result: z.strictObject({ letters: z.array(z.string()) }),
  settings: z.object({ upper: z.boolean().default(true) }),
  custom: {
    workflow: 'spellingWorkflow',
    activities: ({ settings }) => ({
      spell: async (text: string) => [...(settings.upper ? text.toUpperCase() : text)],
    }),
  },
})
