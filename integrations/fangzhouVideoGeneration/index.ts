/** Video by Volcengine Ark, from text or from a first frame. https://www.volcengine.com/docs/82379/1520758 */
import { defineIntegration } from '../../provider-kit/definition/define.js'
import type { ErrorTable } from '../../provider-kit/provider/error-table.js'
import { ProviderError } from '../../provider-kit/provider/errors.js'
import { arkTaskSchema, createAnswerSchema, differencesOf, knownStatus, listAnswerSchema } from './answers.js'
import { carries, longestDuration, toArkRequest } from './request.js'
import { createVideoRequestSchema, videoResultSchema } from './schemas.js'

const TASKS = '/contents/generations/tasks'
/** Ark's maximum, for both. */
const PAGE_SIZE = 500
const MAX_PAGES = 500
/** How long Ark keeps results. */
const KEPT_SECONDS = 24 * 3600
/** If the provider does not say when a quota is restored. */
const QUOTA_PAUSE_SECONDS = 300

/** By Ark's error codes; the first match decides. */
const ERRORS: ErrorTable = [
  { code: /^InvalidAction/, kind: 'tooLate' },
  // A rate limit, a limit of waiting tasks, or a limit that the account has set itself.
  { code: /^(QuotaExceeded|SetLimitExceeded)/, kind: 'unavailable', pauseSeconds: QUOTA_PAUSE_SECONDS },
  // RateLimitExceeded.EndpointRPMExceeded, AccountRateLimitExceeded, ModelAccountRpmRateLimitExceeded …
  [
    /RateLimitExceeded|^(ServerOverloaded|RequestBurstTooFast|InflightBatchsizeExceeded|ModelLoadingError)/,
    'unavailable',
  ],
  [/^(InvalidEndpoint\.ClosedEndpoint|ContentSecurityDetectionError)/, 'unavailable'],
  // Moderation of the text, image, video or sound, of the input or the output.
  [/SensitiveContentDetected|RiskDetection$/, 'refused'],
  [/^(MissingParameter|InvalidParameter|InvalidArgumentError|InvalidImageURL)/, 'refused'],
  [/^(AuthenticationError|InvalidAccountStatus|AccountOverdueError|AccessDenied|OperationDenied)/, 'refused'],
  [/^(InvalidEndpointOrModel|ModelNotOpen|UnsupportedModel)/, 'refused'],
  [/^Internal(Service|Server)?Error/, 'ambiguous'],
  // A 404 for another address, or for a model, says nothing about the task.
  { code: /NotFound/, status: 404, kind: 'missing' },
  { status: 404, kind: 'refused' },
]

export const fangzhouVideoGeneration = defineIntegration({
  name: 'fangzhouVideoGeneration',
  env: 'ARK',
  entityPrefix: 'FangzhouVideo',
  workflowName: 'videoPollingWorkflow',
  request: createVideoRequestSchema,
  result: videoResultSchema,
  example: { prompt: 'A paper boat on a mountain lake at dawn' },
  baseUrl: 'https://ark.cn-beijing.volces.com/api/v3',
  needsModel: true,
  simulator: { name: 'ark', url: 'http://127.0.0.1:4010/api/v3' },
  // The provider's limits for one model: 10 videos at once, 600 requests a minute. A video of 5 s takes 25 to 40 s.
  defaults: { maxTasksInFlight: 10, requestsPerMinute: 600, firstPollSeconds: 20 },
  errors: ERRORS,
  polled: {
    callbacks: true,

    async create({ http, request, model, settings, ...marked }) {
      refuseTooLong(request.duration, model)
      const { id } = await http.post(
        TASKS,
        toArkRequest(request, model, { ...settings, ...marked }),
        createAnswerSchema,
      )
      return id
    },

    poll: ({ http, id }) => http.get(`${TASKS}/${encodeURIComponent(id)}`, arkTaskSchema),

    status: (task) => ({ status: knownStatus(task), reason: task.error ?? task.failure_reason }),

    lookUp: {
      // Not filtered by model, which the configuration may have changed since, nor by time: a wrong clock is more
      // likely to cause a second video than two equal marks are.
      async *list({ http }) {
        for (const tier of ['default', 'flex']) {
          let before = 0
          for (let page = 1; ; page++) {
            if (page > MAX_PAGES) throw unreadable('ListTooLong', `is longer than ${MAX_PAGES} pages of ${PAGE_SIZE}`)
            const query = `page_num=${page}&page_size=${PAGE_SIZE}&filter.service_tier=${tier}`
            const { items, total } = await http.get(`${TASKS}?${query}`, listAnswerSchema)
            // An entry may have moved from a later page to one already read. Past the end Ark may report no total.
            if (total && total < before) throw unreadable('ListShrank', 'became shorter while it was read')
            before = total ?? before
            // A page may be shorter than requested; only an empty one is the end.
            if (!items?.length) break
            yield* items
          }
        }
      },
      id: ({ id }) => id,
      carries,
    },

    /** Cancels a queued task. For a task that has ended it would delete the record, which is paid for. */
    async cancel({ http, id, poll }) {
      if ((await poll())?.status !== 'queued') return false
      await http.delete(`${TASKS}/${encodeURIComponent(id)}`)
    },

    // Ark charges for videos that were made, and for nothing else.
    usage: (task) => (knownStatus(task) === 'succeeded' ? { completionTokens: task.usage?.completion_tokens } : {}),

    keptUntil: ({ updated_at: endedAt }) => (typeof endedAt === 'number' ? endedAt + KEPT_SECONDS : undefined),

    async result({ job: task, request: asked, store, simulated }) {
      const { video_url: videoUrl, last_frame_url: lastFrameUrl } = task.content ?? {}
      const differences = asked ? differencesOf(asked, task) : []
      return {
        video: await store(videoUrl, 'video', { media: 'video' }),
        ...(lastFrameUrl && { lastFrame: await store(lastFrameUrl, 'last-frame', { media: 'image' }) }),
        providerTaskId: task.id,
        model: task.model ?? 'unknown',
        resolution: task.resolution ?? undefined,
        ratio: task.ratio ?? undefined,
        duration: task.duration ?? undefined,
        frames: task.frames ?? undefined,
        framesPerSecond: task.framespersecond ?? undefined,
        seed: task.seed ?? undefined,
        completionTokens: task.usage?.completion_tokens ?? undefined,
        totalTokens: task.usage?.total_tokens ?? undefined,
        serviceTier: task.service_tier ?? undefined,
        ...(differences.length > 0 && { differences }),
        simulated,
      }
    },
  },
})

export const { createActivities } = fangzhouVideoGeneration

/** Main does not know its daemons' model. */
function refuseTooLong(duration: number | undefined, model: string): void {
  const longest = longestDuration(model)
  if (duration === undefined || longest === undefined || duration <= longest) return
  const message = `duration: ${model} makes at most ${longest} seconds, not ${duration}`
  throw new ProviderError(message, { code: 'InvalidParameter.duration', kind: 'refused' })
}

function unreadable(code: string, how: string): ProviderError {
  return new ProviderError(`The list of tasks ${how}`, { code, kind: 'unavailable' })
}
