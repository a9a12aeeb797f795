/** Definitions that are wrong, each in a way of its own: the contract suite refuses every one. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { artifactSchema, defineIntegration, impossible } from '@/provider-kit/definition/define.js'
import type { Polled } from '@/provider-kit/definition/shapes.js'
import type { ErrorTable, ReadError } from '@/provider-kit/provider/error-table.js'
import { ProviderError } from '@/provider-kit/provider/errors.js'
import { simulate } from '@/simulator/index.js'
import { type AnyIntegration, type ContractOptions, contractSuite, runContract } from '@/testing/index.js'
import { spelling } from '../provider-kit/speech.js'

const jobSchema = z.object({
  id: z.string(),
  ref: z.string().optional(),
  state: z.string(),
  url: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
})
type Job = z.output<typeof jobSchema>
type Provider = Polled<{ text: string }, object, Job, { audio: z.output<typeof artifactSchema> }>
const STATUS = new Map<string, 'running' | 'succeeded' | 'failed' | 'cancelled'>([
  ['working', 'running'],
  ['done', 'succeeded'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
])

const request = z.strictObject({ text: z.string() })
const example = { text: 'hello' }
const looseRequest: typeof request = z.object({ text: z.string() }) as never
const result = z.strictObject({ audio: artifactSchema })
const right: Provider = {
  create: ({ http, request, mark }) => http.post('/jobs', { ...request, ref: mark }, jobSchema).then(({ id }) => id),
  poll: ({ http, id }) => http.get(`/jobs/${id}`, jobSchema),
  status: ({ state, error }) => ({ status: STATUS.get(state), reason: error }),
  lookUp: {
    list: ({ http }) => http.get('/jobs', z.object({ jobs: z.array(jobSchema) })).then(({ jobs }) => jobs),
    id: ({ id }) => id,
    carries: ({ ref }, { mark }) => ref === mark,
  },
  cancel: ({ http, id }) => http.delete(`/jobs/${id}`),
  result: async ({ job, store }) => ({ audio: await store(job.url, 'audio') }),
}
const ERRORS: ErrorTable = [
  [/rate|overloaded/, 'unavailable'],
  [/moderation/, 'refused'],
]

/** What the key is, told to whoever makes the headers. */
let key = ''
const told = (apiKey: string): Record<string, string> => {
  key = apiKey
  return { authorization: `Bearer ${apiKey}` }
}

interface Others {
  errors?: ErrorTable
  readError?: ReadError
  authenticate?: (key: string) => Record<string, string>
  loose?: boolean
}

function polledBut(wrong: Partial<Provider>, others: Others = {}): [AnyIntegration, ContractOptions] {
  const { loose = false, errors = ERRORS, readError = () => ({}), authenticate = told } = others
  const asked: typeof request = loose ? looseRequest : request
  const polled: Provider = { ...right, ...wrong }
  const definition = defineIntegration<typeof request, typeof result, Record<never, never>, Job>({
    name: 'wrongSpeech',
    request: asked,
    result,
    example,
    errors,
    readError,
    authenticate: (apiKey) => authenticate(apiKey),
    polled,
  })
  const createSimulator = simulate(definition, {
    path: '/jobs',
    show: ({ id, request, state, url, error }) => ({ id, ref: request.ref, state, url, error }),
  })
  return [definition, { createSimulator, section: { deadlineSeconds: 700 } }]
}

const single = defineIntegration({
  name: 'wrongAtOnce',
  request,
  result,
  example,
  errors: [[/internal/, 'unavailable'], ...ERRORS],
  single: {
    create: ({ http, request }) => http.post('/now', request, z.object({ url: z.string() })),
    lookUp: impossible({ onAmbiguousCreate: 'fail' }),
    result: async ({ answer, store }) => ({ audio: await store(answer.url, 'audio') }),
  },
})
const answering = simulate(single, { path: '/now', answer: (_request, url) => ({ url }) })

const post: Provider['create'] = ({ http, request, mark }) =>
  http.post('/jobs', { ...request, ref: mark }, jobSchema).then(({ id }) => id)
const withoutMark: Partial<Provider> = {
  create: ({ http, request }) => http.post('/jobs', request, jobSchema).then(({ id }) => id),
}

const WRONG: Array<[what: string, refusedBy: RegExp, definition: AnyIntegration, options: ContractOptions]> = [
  [
    'creates again by itself where an answer is lost',
    /acceptThenReset/,
    ...polledBut({
      create: (given) => post(given).catch(() => post(given)),
    }),
  ],
  ['sends no mark, so that nothing is found', /acceptThenReset/, ...polledBut(withoutMark)],
  ['sends no mark, and its worker dies', /when create number 1/, ...polledBut(withoutMark)],
  ['says that nothing was made where that is not known', /acceptThenFail/, single, { createSimulator: answering }],
  ['gives up where it should wait', /rateLimited all the time/, ...polledBut({}, { errors: [[/rate/, 'refused']] })],
  [
    'asks again at once',
    /it may be: rateLimited/,
    ...polledBut({
      create: (given) =>
        post(given).catch((error) => (error.kind === 'unavailable' ? post(given) : Promise.reject(error))),
    }),
  ],
  [
    'does not hear how long to wait',
    /it may be: rateLimited/,
    ...polledBut(
      {},
      {
        readError: () => ({ retryAfterSeconds: 1 }),
      },
    ),
  ],
  [
    'takes a look that failed for a task that failed',
    /readFail/,
    ...polledBut({
      poll: (given) => right.poll(given).catch(() => ({ id: given.id, state: 'failed' })),
    }),
  ],
  [
    'does not say that the provider knows a task no more',
    /vanish/,
    ...polledBut({
      poll: (given) => right.poll(given).catch(() => ({ id: given.id, state: 'working' })),
    }),
  ],
  [
    'has what moderation refused made again',
    /for good: refuseAtFinish/,
    ...polledBut({ status: ({ state }) => STATUS.get(state) }),
  ],
  [
    'gives a link up at once',
    /linkExpired/,
    ...polledBut({
      result: async ({ job, store }) => ({
        audio: await store(job.url, 'audio').catch(() => {
          throw new ProviderError('It is gone', { code: 'gone', kind: 'refused' })
        }),
      }),
    }),
  ],
  ['says that it took back what it did not', /by the deadline/, ...polledBut({ cancel: async () => true })],
  ['takes nothing back', /while it waits/, ...polledBut({ cancel: async () => true })],
  [
    'results in something else than it says',
    /is done, once/,
    ...polledBut({
      result: async () => ({ audio: 'a file' }) as never,
    }),
  ],
  ['takes fields that it does not know', /is asked with/, ...polledBut({}, { loose: true })],
  [
    'keeps the key in a file',
    /is done, once/,
    ...polledBut(
      {
        result: async ({ store }) => ({ audio: await store(Buffer.from(JSON.stringify({ debug: key })), 'audio') }),
      },
      {},
    ),
  ],
  [
    'keeps what the provider says, where that repeats the key',
    /: echoKey$/,
    ...polledBut({
      result: async ({ job, store }) => ({ audio: await store(Buffer.from(JSON.stringify(job)), 'audio') }),
    }),
  ],
  [
    'prints the key',
    /is done, once/,
    ...polledBut(
      {
        poll: (given) => {
          console.debug(`asking with ${key}`)
          return right.poll(given)
        },
      },
      {},
    ),
  ],
  [
    'sends the key to somebody else',
    /is done, once/,
    ...polledBut(
      {
        poll: async (given) => {
          await fetch('http://127.0.0.1:65534/metrics', { headers: { 'x-from': key } }).catch(() => 'nobody listens')
          return right.poll(given)
        },
      },
      {},
    ),
  ],
  [
    'does something else where it is replayed',
    /is done, once/,
    spelling,
    {
      request: example,
      workflows: new URL('fixtures/replaying.ts', import.meta.url),
    },
  ],
]

it.each(WRONG)('a definition that %s is refused', async (_what, refusedBy, definition, options) => {
  const verdicts = await runContract(definition, options, refusedBy)
  expect(verdicts).toHaveLength(1)
  expect(verdicts[0]?.error).toBeInstanceOf(Error)
})

describe('what is missing is said at once', () => {
  it.each([
    ['a simulator', single, {}, 'wrongAtOnce is single: give createSimulator'],
    ['a request', spelling, {}, 'spelling has no example: give a request'],
  ] as const)('%s', (_what, definition, options, words) => {
    expect(() => contractSuite(definition, options)).toThrow(words)
  })

  it('a simulator of another shape', () => {
    expect(() => simulate(single, { path: '/now', show: (job) => job })).toThrow(
      'the provider is single, so say answer',
    )
  })
})
