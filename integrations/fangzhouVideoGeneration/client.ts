/** Ark's task API: create, get, list, delete. https://www.volcengine.com/docs/82379/1520758 */
import { z } from 'zod'
import { ProviderError, parseRetryAfter } from '../shared/activities/provider-error.js'
import { type ProviderAnswer, parseJson, readAnswer, requestProvider } from '../shared/activities/provider-http.js'
import type { ProviderEndpoint } from '../shared/provider-config.js'
import type { VideoRequest } from './schemas.js'

const PATH = '/contents/generations/tasks'
const PAGE_SIZE = 100
/** The provider keeps tasks for 7 days; a list longer than this was not read to its end. */
const MAX_PAGES = 100
/** Quotas come back with the clock, not within seconds. */
const QUOTA_PAUSE_SECONDS = 300

const arkErrorSchema = z.object({ code: z.string().min(1), message: z.string().nullish() })

/** Only what is used, and only the core of it is relied on: the rest comes and goes with models. */
const arkTaskSchema = z.object({
  id: z.string().min(1),
  status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired']),
  model: z.string().nullish(),
  error: arkErrorSchema.nullish(),
  failure_reason: arkErrorSchema.nullish(),
  content: z.object({ video_url: z.string().nullish(), last_frame_url: z.string().nullish() }).nullish(),
  usage: z.object({ total_tokens: z.number().nullish() }).nullish(),
  seed: z.number().nullish(),
  resolution: z.string().nullish(),
  ratio: z.string().nullish(),
  duration: z.number().nullish(),
  framespersecond: z.number().nullish(),
})
export type ArkTask = z.output<typeof arkTaskSchema>

export interface ArkClient {
  /** @param expiresAfterSeconds when the provider itself gives the task up */
  create(request: VideoRequest, seed: number, expiresAfterSeconds: number, signal: AbortSignal): Promise<{ id: string }>
  /** Null if the provider says that there is no such task. */
  get(id: string, signal: AbortSignal): Promise<ArkTask | null>
  /**
   * The tasks with one of these seeds. Not by their time too: a clock that is wrong would make two videos of one far
   * sooner than 32 bits meet by chance among the tasks of the 7 days that are listed.
   */
  findBySeed(seeds: readonly number[], signal: AbortSignal): Promise<ArkTask[]>
  /** Cancels a queued task. False if it cannot be cancelled any more. */
  cancel(id: string, signal: AbortSignal): Promise<boolean>
}

/** Every method throws a `ProviderError`; only a create's can be other than `unavailable`. */
export function createArkClient(endpoint: ProviderEndpoint): ArkClient {
  return {
    async create(video, seed, expiresAfterSeconds, signal) {
      const body = toArkRequest(video, endpoint.model, seed, expiresAfterSeconds)
      const answer = await requestProvider(endpoint, 'POST', PATH, signal, body)
      if (!answer.ok) throw answerError(answer, 'create')
      return readAnswer(z.object({ id: z.string().min(1) }), answer, 'ambiguous')
    },

    async get(id, signal) {
      const answer = await requestProvider(endpoint, 'GET', `${PATH}/${encodeURIComponent(id)}`, signal)
      if (answer.status === 404 && isMissingTask(answer)) return null
      if (!answer.ok) throw answerError(answer, 'read')
      return readAnswer(arkTaskSchema, answer, 'unavailable')
    },

    async findBySeed(seeds, signal) {
      const found: ArkTask[] = []
      for (let page = 1; page <= MAX_PAGES; page++) {
        const query = new URLSearchParams({
          page_num: String(page),
          page_size: String(PAGE_SIZE),
          'filter.model': endpoint.model,
        })
        const answer = await requestProvider(endpoint, 'GET', `${PATH}?${query}`, signal)
        if (!answer.ok) throw answerError(answer, 'read')
        const { items } = readAnswer(z.object({ items: z.array(arkTaskSchema).nullish() }), answer, 'unavailable')
        if (!items?.length) return found
        found.push(...items.filter((task) => seeds.includes(task.seed ?? -1)))
      }
      throw new ProviderError(`The list of tasks has more than ${MAX_PAGES * PAGE_SIZE} entries`, {
        code: 'ListTooLong',
        kind: 'unavailable',
      })
    },

    async cancel(id, signal) {
      const answer = await requestProvider(endpoint, 'DELETE', `${PATH}/${encodeURIComponent(id)}`, signal)
      if (answer.status === 404 || answer.status === 409) return false
      if (!answer.ok) throw answerError(answer, 'read')
      return true
    },
  }
}

function toArkRequest(video: VideoRequest, model: string, seed: number, expiresAfterSeconds: number) {
  const frame = (role: 'first_frame' | 'last_frame', url: string | undefined) =>
    url === undefined ? [] : [{ type: 'image_url', image_url: { url }, role }]
  return {
    model,
    content: [
      { type: 'text', text: video.prompt },
      ...frame('first_frame', video.firstFrameUrl),
      ...frame('last_frame', video.lastFrameUrl),
    ],
    seed,
    execution_expires_after: Math.max(3600, expiresAfterSeconds),
    resolution: video.resolution,
    ratio: video.ratio,
    duration: video.duration,
    camera_fixed: video.cameraFixed,
    watermark: video.watermark,
    generate_audio: video.generateAudio,
    return_last_frame: video.returnLastFrame,
  }
}

/** The provider's code says more than its status: 429 is both "wait a second" and "the quota is used up". */
function answerError(answer: ProviderAnswer, purpose: 'create' | 'read'): ProviderError {
  const { code, message } = errorOf(answer)
  const quota = /^(QuotaExceeded|SetLimitExceeded)/.test(code)
  const retryAfterSeconds = parseRetryAfter(answer.retryAfter) ?? (quota ? QUOTA_PAUSE_SECONDS : undefined)
  const busy =
    answer.status === 429 ||
    quota ||
    /^(RateLimitExceeded|ServerOverloaded|RequestBurstTooFast|InflightBatchsizeExceeded)/.test(code)
  const refused = answer.status >= 400 && answer.status < 500 && answer.status !== 408
  const kind = purpose === 'read' || busy ? 'unavailable' : refused ? 'refused' : 'ambiguous'
  return new ProviderError(message, { code, kind, retryAfterSeconds })
}

/** A 404 of a wrong address, or about the model, says nothing about the task. */
function isMissingTask(answer: ProviderAnswer): boolean {
  const { code } = errorOf(answer)
  return /NotFound/.test(code) && !/Endpoint|Model/.test(code)
}

function errorOf(answer: ProviderAnswer): { code: string; message: string } {
  const body = parseJson(z.object({ error: arkErrorSchema }), answer.text)
  return body
    ? { code: body.error.code, message: body.error.message ?? body.error.code }
    : { code: `HTTP${answer.status}`, message: `Answered ${answer.status}: ${answer.text.slice(0, 500)}` }
}
