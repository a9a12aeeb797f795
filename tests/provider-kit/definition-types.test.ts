/** What a definition's author is spared: every type follows from its schemas. */
import { expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type { Artifact } from '@/artifacts/artifact.js'
import { artifactSchema, defineIntegration, impossible } from '@/provider-kit/definition/define.js'
import type { PolledConfig, ProviderConfig } from '@/provider-kit/provider/config.js'
import { polledSpeech, type speechAtOnce, type wordCount } from './speech.js'

const request = z.strictObject({ text: z.string(), loud: z.boolean().default(false) })
const result = z.strictObject({ audio: artifactSchema, seconds: z.number() })
const jobSchema = z.object({ id: z.string(), url: z.string(), seconds: z.number() })
const settings = z.object({ voice: z.string().default('anna') })
const name = 'a'
const lookUp = impossible({ onAmbiguousCreate: 'fail' })

it('what a callback is given has the types of the schemas', () => {
  defineIntegration({
    name,
    request,
    result,
    settings,
    polled: {
      async create({ http, request, settings, mark, seed }) {
        expectTypeOf(request).toEqualTypeOf<{ text: string; loud: boolean }>()
        expectTypeOf(settings.voice).toEqualTypeOf<string>()
        expectTypeOf(settings.deadlineSeconds).toEqualTypeOf<number>()
        expectTypeOf(settings).not.toHaveProperty('apiKey')
        expectTypeOf(mark).toEqualTypeOf<string>()
        expectTypeOf(seed).toEqualTypeOf<number>()
        const job = await http.post('/', request, jobSchema)
        expectTypeOf(job).toEqualTypeOf<z.output<typeof jobSchema>>()
        expectTypeOf(await http.post('/', request)).toEqualTypeOf<undefined>()
        expectTypeOf(await http.post('/', request, 'bytes')).toEqualTypeOf<Uint8Array>()
        return job.id
      },
      poll: ({ http, id }) => http.get(id, jobSchema),
      status(job) {
        expectTypeOf(job).toEqualTypeOf<z.output<typeof jobSchema>>()
        return 'running'
      },
      lookUp: { list: async () => [], id: ({ id }) => id, carries: ({ url }, { mark }) => url === mark },
      async result({ job, request, store }) {
        expectTypeOf(job).toEqualTypeOf<z.output<typeof jobSchema>>()
        expectTypeOf(request).toEqualTypeOf<{ text: string; loud: boolean } | undefined>()
        expectTypeOf(await store(job.url, 'audio')).toEqualTypeOf<Artifact>()
        return { audio: await store(job.url, 'audio'), seconds: job.seconds }
      },
    },
  })
  defineIntegration({
    name,
    request: (userUrl) => z.strictObject({ picture: userUrl }),
    result,
    single: {
      prepare: async ({ request }) => request.picture.length,
      create({ http, request, prepared }) {
        expectTypeOf(request).toEqualTypeOf<{ picture: string }>()
        expectTypeOf(prepared).toEqualTypeOf<number>()
        return http.post('/', prepared, jobSchema)
      },
      lookUp,
      async result({ answer, store, settings }) {
        expectTypeOf(answer).toEqualTypeOf<z.output<typeof jobSchema>>()
        expectTypeOf(settings.requestTimeoutMs).toEqualTypeOf<number>()
        return { audio: await store(answer.url, 'audio'), seconds: 1 }
      },
    },
  })
})

it('what is made of it has them too', () => {
  expectTypeOf<z.output<typeof polledSpeech.config>['voice']>().toEqualTypeOf<string>()
  expectTypeOf<z.output<typeof polledSpeech.config>['settleSeconds']>().toEqualTypeOf<PolledConfig['settleSeconds']>()
  expectTypeOf<z.output<typeof speechAtOnce.config>>().toEqualTypeOf<ProviderConfig>()
  expectTypeOf<z.output<typeof wordCount.config>>().not.toHaveProperty('apiKey')
  expectTypeOf(polledSpeech.example).toEqualTypeOf<{ text: string; voice?: string | undefined } | undefined>()
})

it('what is wrong does not compile', () => {
  const create = async () => 'id'
  const common = { name, request, result } as const
  const status = (): 'queued' => 'queued'
  const polled = { create, poll: async () => ({ n: 1 }), status, lookUp } as const
  const made = async (..._: unknown[]) => ({ audio: {} as Artifact, seconds: 1 })
  defineIntegration({ ...common, polled: { ...polled, result: made } })
  // @ts-expect-error nobody has said what becomes of a create whose answer is lost
  defineIntegration({ ...common, polled: { ...polled, result: made, lookUp: undefined } })
  // @ts-expect-error nor here
  defineIntegration({ ...common, single: { create, result: made } })
  // @ts-expect-error that it is impossible says not what happens then
  impossible({})
  // @ts-expect-error a result that is not what the schema says
  defineIntegration({ ...common, polled: { ...polled, result: async () => ({ audio: 'a', seconds: 1 }) } })
  // @ts-expect-error a status that there is not
  defineIntegration({ ...common, polled: { ...polled, status: () => 'success', result: made } })
  // @ts-expect-error a field that a job has not
  defineIntegration({ ...common, polled: { ...polled, result: ({ job }) => made(job.m) } })
  // @ts-expect-error two shapes at once
  defineIntegration({ ...common, polled: { ...polled, result: made }, local: { run: made } })
  // @ts-expect-error none
  defineIntegration(common)
  // @ts-expect-error an example that is refused
  defineIntegration({ ...common, local: { run: made }, example: { txt: '' } })
})
