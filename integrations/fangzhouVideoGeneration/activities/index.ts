import { createHash } from 'node:crypto'
import { ApplicationFailure } from '@temporalio/activity'
import { withHeartbeat } from '../../shared/activities/heartbeat.js'
import { asActivityFailure, asCreateFailure, ProviderError } from '../../shared/activities/provider-error.js'
import type { ActivityContext } from '../../shared/activity-context.js'
import { type Artifact, artifactName } from '../../shared/artifact.js'
import { followingSignal, withTimeout } from '../../shared/following-signal.js'
import type { ProviderTask } from '../../shared/protocol/index.js'
import { providerEndpoint } from '../../shared/provider-config.js'
import type { ProviderTaskSettings, ProviderTaskState } from '../../shared/provider-task.js'
import { type ArkTask, createArkClient } from '../client.js'
import type { VideoRequest, VideoResult } from '../schemas.js'

const MAX_VIDEO_BYTES = 1024 ** 3
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000
/** The simulator is quick, and may be asked often. */
const SIMULATOR_POLLING = { firstPollSeconds: 1, pollSeconds: 1, maxPollSeconds: 10 }

interface AttemptKey {
  taskKey: string
  attempt: number
}

/** Marks what an attempt has the provider create: the seed is the one thing that Ark stores and lists for us. */
function markSeed({ taskKey, attempt }: AttemptKey): number {
  return createHash('sha256').update(`${taskKey}:${attempt}`).digest().readUInt32BE(0)
}

export function createActivities(context: ActivityContext) {
  const config = context.integrations.fangzhouVideoGeneration
  const endpoint = providerEndpoint(config)
  const ark = createArkClient(endpoint)
  const { artifacts } = context
  const { deadlineSeconds, requestTimeoutMs, settleSeconds } = config
  if (endpoint.simulated) {
    context.logger.warn({ url: endpoint.baseUrl }, 'fangzhouVideoGeneration: no apiKey configured, using the simulator')
  }

  const ask = <T>(request: (signal: AbortSignal) => Promise<T>) =>
    asActivityFailure(endpoint, withHeartbeat(requestTimeoutMs, request))

  return {
    /** What the workflow needs to know of the worker's configuration. */
    async videoSettings(): Promise<ProviderTaskSettings> {
      const { firstPollSeconds, pollSeconds, maxPollSeconds } = endpoint.simulated ? SIMULATOR_POLLING : config
      return { firstPollSeconds, pollSeconds, maxPollSeconds, deadlineSeconds, requestTimeoutMs, settleSeconds }
    },

    /** Has the provider make the video, and gives its task's id. Not to be retried blindly. */
    async createVideoTask(request: VideoRequest, key: AttemptKey): Promise<string> {
      const created = withHeartbeat(requestTimeoutMs, (signal) =>
        ark.create(request, markSeed(key), deadlineSeconds, signal),
      )
      return (await asCreateFailure(context, endpoint, created)).id
    },

    /** Looks for what these attempts of the task had created; null only if the provider lists none. */
    async findVideoTask(taskKey: string, attempts: number[]): Promise<ProviderTask | null> {
      const bySeed = new Map(attempts.map((attempt) => [markSeed({ taskKey, attempt }), attempt]))
      const found = await ask((signal) => ark.findBySeed([...bySeed.keys()], signal))
      const best = found.find(isUsable) ?? found[0]
      return best ? { id: best.id, attempt: bySeed.get(best.seed ?? -1) ?? 1 } : null
    },

    async getVideoTask(id: string): Promise<ProviderTaskState> {
      const task = await ask((signal) => ark.get(id, signal))
      if (!task) return { status: 'gone', retryable: true }
      const error = task.error ?? task.failure_reason
      return {
        status: task.status,
        ...(error && { error: { code: error.code, message: error.message ?? error.code } }),
        retryable: task.status === 'expired' || (task.status === 'failed' && isProvidersFault(error?.code)),
      }
    },

    /** Copies the finished video. Its address is asked for here: it is signed, and no workflow gets to see it. */
    async storeVideo(id: string, key: AttemptKey): Promise<VideoResult> {
      const store = async (kind: string, media: 'image' | 'video', url: string, signal: AbortSignal) => {
        const limits = { media, maxBytes: MAX_VIDEO_BYTES }
        return artifacts.put(artifactName(kind, key), download(url, requestTimeoutMs, signal), limits, signal)
      }
      return asActivityFailure(
        endpoint,
        withHeartbeat(DOWNLOAD_TIMEOUT_MS, async (signal) => {
          const task = await withTimeout(requestTimeoutMs, [signal], (soon) => ark.get(id, soon))
          const { video_url: videoUrl, last_frame_url: lastFrameUrl } = task?.content ?? {}
          if (!task || !videoUrl) {
            throw new ProviderError(`Task ${id} has no video`, { code: 'no_video', kind: 'unavailable' })
          }
          const video = await store('video', 'video', videoUrl, signal)
          const lastFrame = lastFrameUrl ? await store('last-frame', 'image', lastFrameUrl, signal) : undefined
          return toResult(task, video, lastFrame, endpoint.simulated)
        }),
      )
    },

    /** Cancels the provider's task if it can still be cancelled. */
    async cancelVideoTask(id: string): Promise<boolean> {
      return ask((signal) => ark.cancel(id, signal))
    },
  }
}

export type VideoActivities = ReturnType<typeof createActivities>

function isUsable(task: ArkTask): boolean {
  return task.status === 'queued' || task.status === 'running' || task.status === 'succeeded'
}

/** Refusals, such as moderation's, would be repeated; a fault inside the provider need not. */
function isProvidersFault(code: string | undefined): boolean {
  return code === undefined || /Internal|Overloaded|Timeout|Unavailable/i.test(code)
}

/** What a file holds, as it comes. Fails where nothing comes for `stallMs`: a connection may be half open. */
async function* download(url: string, stallMs: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { controller, release } = followingSignal(signal)
  const stalled = () => controller.abort(new Error(`Nothing came of the download for ${stallMs} ms`))
  let timer = setTimeout(stalled, stallMs)
  try {
    const response = await fetch(url, { signal: controller.signal })
    if (!response.ok || !response.body) {
      throw ApplicationFailure.retryable(`The download answered ${response.status}`, 'download_failed')
    }
    for await (const chunk of response.body) {
      clearTimeout(timer)
      yield chunk
      timer = setTimeout(stalled, stallMs)
    }
  } finally {
    clearTimeout(timer)
    release()
  }
}

function toResult(task: ArkTask, video: Artifact, lastFrame: Artifact | undefined, simulated: boolean): VideoResult {
  return {
    video,
    ...(lastFrame && { lastFrame }),
    providerTaskId: task.id,
    model: task.model ?? 'unknown',
    ...(task.resolution && { resolution: task.resolution }),
    ...(task.ratio && { ratio: task.ratio }),
    ...(task.duration && { duration: task.duration }),
    ...(task.framespersecond && { framesPerSecond: task.framespersecond }),
    ...(typeof task.seed === 'number' && { seed: task.seed }),
    ...(task.usage?.total_tokens && { totalTokens: task.usage.total_tokens }),
    simulated,
  }
}
