import { artifactName } from '../../../artifacts/artifact.js'
import { withTimeout } from '../../../lib/abort.js'
import type { ProviderTask } from '../../../protocol/index.js'
import { providerCallbackUrl } from '../../../protocol/provider-callback.js'
import type { ActivityContext } from '../../../provider-kit/activity-context.js'
import { providerEndpoint } from '../../../provider-kit/provider/config.js'
import { download, isLinkExpired, linksOf } from '../../../provider-kit/provider/download.js'
import { asActivityFailure, asCreateFailure, ProviderError } from '../../../provider-kit/provider/errors.js'
import { withHeartbeat } from '../../../provider-kit/provider/heartbeat.js'
import { checkUserUrls } from '../../../provider-kit/provider/user-urls.js'
import {
  LISTING_TIMEOUT_MS,
  type ProviderTaskSettings,
  type ProviderTaskState,
} from '../../../provider-kit/workflow/polled-task.js'
import { type ArkTask, knownStatus } from '../answers.js'
import { type ArkClient, createArkClient } from '../client.js'
import { ARK_SIMULATOR, type FangzhouConfig } from '../config.js'
import { taskFailure } from '../errors.js'
import { type AttemptKey, carries, markOf, urlsOf } from '../request.js'
import { toResult } from '../result.js'
import type { VideoRequest, VideoResult } from '../schemas.js'

const MAX_VIDEO_BYTES = 1024 ** 3
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000
/** For how long Ark keeps what it made. */
const KEPT_SECONDS = 24 * 3600
/** The simulator is quick, and may be asked often. */
const SIMULATOR_POLLING = { firstPollSeconds: 1, pollSeconds: 1, maxPollSeconds: 10 }

export function createActivities(context: ActivityContext<{ fangzhouVideoGeneration: FangzhouConfig }>) {
  const config = context.integrations.fangzhouVideoGeneration
  const endpoint = providerEndpoint(config, ARK_SIMULATOR)
  const ark = createArkClient(endpoint)
  const where = linksOf({ ...config, ...endpoint })
  const { artifacts } = context
  const { callbackBaseUrl, deadlineSeconds, requestTimeoutMs, settleSeconds, userUrlHosts } = config
  const userUrls = { allowPrivateUrls: endpoint.simulated, userUrlHosts, lookup: context.lookup }
  if (endpoint.simulated) {
    const { baseUrl: url, simulatorCommand } = endpoint
    const start = `if it does not run, start it: ${simulatorCommand}`
    context.logger.warn({ url }, `fangzhouVideoGeneration: no apiKey configured, using the simulator; ${start}`)
  }

  const ask = <T>(request: (signal: AbortSignal) => Promise<T>, timeoutMs = requestTimeoutMs) =>
    asActivityFailure(endpoint, withHeartbeat(timeoutMs, request))

  return {
    /** What the workflow needs to know of the worker's configuration. */
    async videoSettings(): Promise<ProviderTaskSettings> {
      const { firstPollSeconds, pollSeconds, maxPollSeconds } = endpoint.simulated ? SIMULATOR_POLLING : config
      return { firstPollSeconds, pollSeconds, maxPollSeconds, deadlineSeconds, requestTimeoutMs, settleSeconds }
    },

    /** Has the provider make the video, and gives its task's id. Not to be retried blindly. */
    async createVideoTask(request: VideoRequest, task: AttemptKey, reportUrl: string): Promise<string> {
      const callbackUrl =
        callbackBaseUrl && providerCallbackUrl(callbackBaseUrl, context.internalToken, reportUrl, task)
      const created = withHeartbeat(requestTimeoutMs, async (signal) => {
        await checkUserUrls(urlsOf(request), signal, userUrls)
        return ark.create(request, { mark: markOf(task), deadlineSeconds, callbackUrl }, signal)
      })
      return (await asCreateFailure(context, endpoint, created)).id
    },

    /** Looks for what these attempts of the task had created; null only if the provider lists none. */
    async findVideoTask(taskKey: string, attempts: number[]): Promise<ProviderTask | null> {
      return ask((signal) => findMarked(ark, taskKey, attempts, signal), LISTING_TIMEOUT_MS)
    },

    /** How far the provider's task is. A status that nobody knows is as good as no answer. */
    async getVideoTask(id: string): Promise<ProviderTaskState> {
      const task = await ask((signal) => getKnown(ark, id, signal))
      return task ? { status: task.status, ...taskFailure(task) } : { status: 'gone' }
    },

    /**
     * Copies the finished video. Its address is asked for here: it is signed, and no workflow gets to see it. Each
     * try asks afresh, so that a link that has expired is followed by another, for as long as Ark has one.
     *
     * @param asked what was asked for, so that the result tells where something else was made
     * @returns null where Ark does not know the task
     */
    async storeVideo(id: string, key: AttemptKey, asked?: VideoRequest): Promise<VideoResult | null> {
      const store = async (kind: string, media: 'image' | 'video', url: string, signal: AbortSignal) => {
        const limits = { media, maxBytes: MAX_VIDEO_BYTES }
        const content = download(url, { stallMs: requestTimeoutMs, timeoutMs: DOWNLOAD_TIMEOUT_MS }, signal, where)
        return artifacts.put(artifactName(kind, key), content, limits, signal)
      }
      return asActivityFailure(
        endpoint,
        withHeartbeat(DOWNLOAD_TIMEOUT_MS, async (signal) => {
          const task = await withTimeout(requestTimeoutMs, [signal], (soon) => ark.get(id, soon))
          if (!task) return null
          const { video_url: videoUrl, last_frame_url: lastFrameUrl } = task.content ?? {}
          if (!videoUrl) {
            if (isPastKeeping(task)) throw resultExpired(id)
            throw new ProviderError(`Task ${id} has no video`, { code: 'no_video', kind: 'unavailable' })
          }
          try {
            const video = await store('video', 'video', videoUrl, signal)
            const lastFrame = lastFrameUrl ? await store('last-frame', 'image', lastFrameUrl, signal) : undefined
            return toResult(task, { video, lastFrame }, asked, endpoint.simulated)
          } catch (error) {
            throw isLinkExpired(error) && isPastKeeping(task) ? resultExpired(id) : error
          }
        }),
      )
    },

    /** Cancels the provider's task if it is still queued. One that has ended keeps its record: it is paid for. */
    async cancelVideoTask(id: string): Promise<boolean> {
      return ask(async (signal) => (await ark.get(id, signal))?.status === 'queued' && ark.delete(id, signal))
    },
  }
}

export type VideoActivities = ReturnType<typeof createActivities>

/** The attempts' task that can be gone on with, else any other that one of them had created. */
async function findMarked(
  ark: ArkClient,
  taskKey: string,
  attempts: number[],
  signal: AbortSignal,
): Promise<ProviderTask | null> {
  const marks = attempts.map((attempt) => ({ attempt, mark: markOf({ taskKey, attempt }) }))
  let ended: ProviderTask | null = null
  // Neither by model, which a configuration may have changed since, nor by time: a clock that is wrong would make
  // two videos of one sooner than two marks are alike.
  for (const serviceTier of ['default', 'flex'] as const) {
    for await (const task of ark.list({ serviceTier }, signal)) {
      const attempt = marks.find(({ mark }) => carries(task, mark))?.attempt
      if (attempt === undefined) continue
      if (isUsable(task)) return { id: task.id, attempt }
      ended ??= { id: task.id, attempt }
    }
  }
  return ended
}

async function getKnown(ark: ArkClient, id: string, signal: AbortSignal) {
  const task = await ark.get(id, signal)
  if (!task) return null
  const status = knownStatus(task)
  if (status) return { ...task, status }
  const message = `Task ${id} has the status "${task.status}", which this version does not know`
  throw new ProviderError(message, { code: 'UnknownStatus', kind: 'unavailable' })
}

/** Of a status that is not known yet the task may still end well. */
function isUsable(task: ArkTask): boolean {
  return !['failed', 'cancelled', 'expired'].includes(task.status)
}

function isPastKeeping({ updated_at: endedAt }: ArkTask): boolean {
  return typeof endedAt === 'number' && Date.now() / 1000 - endedAt > KEPT_SECONDS
}

/** For good: to have the video made again is to pay again, which is for an operator to say. */
function resultExpired(id: string): ProviderError {
  const message = `The video of task ${id} was made, but not copied within the day for which Ark keeps it`
  return new ProviderError(message, { code: 'result_expired', kind: 'refused' })
}
