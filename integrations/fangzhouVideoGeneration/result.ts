import type { Artifact } from '../../artifacts/artifact.js'
import type { ArkTask } from './answers.js'
import type { VideoRequest, VideoResult } from './schemas.js'

/**
 * What a task results in.
 *
 * @param asked what the video was asked with, to compare it with what the provider says that it made
 */
export function toResult(
  task: ArkTask,
  { video, lastFrame }: { video: Artifact; lastFrame?: Artifact | undefined },
  asked: VideoRequest | undefined,
  simulated: boolean,
): VideoResult {
  const differences = asked ? differencesOf(asked, task) : []
  return {
    video,
    ...(lastFrame && { lastFrame }),
    providerTaskId: task.id,
    model: task.model ?? 'unknown',
    ...present({
      resolution: task.resolution,
      ratio: task.ratio,
      duration: task.duration,
      frames: task.frames,
      framesPerSecond: task.framespersecond,
      seed: task.seed,
      completionTokens: task.usage?.completion_tokens,
      totalTokens: task.usage?.total_tokens,
      serviceTier: task.service_tier,
    }),
    ...(differences.length > 0 && { differences }),
    simulated,
  }
}

/** Ark leaves out what it does not tell, and with some models ignores what they do not know. */
function differencesOf(asked: VideoRequest, made: ArkTask): NonNullable<VideoResult['differences']> {
  const wanted = { ...asked }
  if (asked.frames !== undefined && !made.frames) {
    // It tells one of the two. A second has 24 frames, and what is over is not told.
    wanted.duration = Math.floor(asked.frames / 24)
  }
  return (['resolution', 'ratio', 'duration', 'frames'] as const).flatMap((field) => {
    const [want, got] = [wanted[field], made[field]]
    if (want === undefined || want === 'adaptive' || got === undefined || got === null || got === want) return []
    return { field, asked: want, made: got }
  })
}

type Present<T> = { [K in keyof T]?: NonNullable<T[K]> }

/** Without what is null or undefined. */
function present<T extends Record<string, unknown>>(fields: T): Present<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as Present<T>
}
