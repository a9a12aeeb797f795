/** A video request in Ark's form, and the mark by which it is looked up. */
import type { Mark } from '../../provider-kit/definition/shapes.js'
import type { ArkTask } from './answers.js'
import type { VideoRequest } from './schemas.js'

const MAX_IDENTIFIER = 64
/** The limits of Ark's own deadline for a task. */
const MIN_EXPIRY_SECONDS = 3600
const MAX_EXPIRY_SECONDS = 259_200

/** What is sent with a request in addition to the user's fields. */
export interface CreateOptions extends Mark {
  /** When nobody waits for the task any more, so that Ark may give it up. */
  deadlineSeconds: number
  callbackUrl: string | undefined
}

/**
 * Whether this task was created with the mark. Ark has no field for marks, but lists two that can hold one: the seed,
 * which only models 1.x keep, and the end user's identifier, of which the mark is a part.
 */
export function carries(task: Pick<ArkTask, 'seed' | 'safety_identifier'>, { seed, mark }: Mark): boolean {
  const marked = /task-[0-9a-f]{20}$/.exec(task.safety_identifier ?? '')
  return marked ? marked[0] === mark : task.seed === seed
}

/** The longest video of a model, in seconds; undefined if its name does not tell. */
export function longestDuration(model: string): number | undefined {
  return /seedance-1-/.test(model) ? 12 : undefined
}

/** The body of a create, with fields instead of flags in the prompt, which Ark does not validate. */
export function toArkRequest(video: VideoRequest, model: string, options: CreateOptions) {
  // A draft's seed is used for the video that is made of it. Models since 2.0 have no seed. An endpoint's name does not
  // tell its model, so that such a request gets both marks.
  const takesSeed = video.draftTaskId === undefined && !/seedance-[2-9]-/.test(model)
  const keepsSeed = takesSeed && /seedance-1-/.test(model)
  return {
    model,
    content: toContent(video),
    ...(takesSeed && { seed: options.seed }),
    safety_identifier: keepsSeed ? video.safetyIdentifier : marked(video.safetyIdentifier, options.mark),
    callback_url: options.callbackUrl,
    execution_expires_after: Math.min(Math.max(MIN_EXPIRY_SECONDS, options.deadlineSeconds), MAX_EXPIRY_SECONDS),
    resolution: video.resolution,
    ratio: video.ratio,
    duration: video.duration,
    frames: video.frames,
    generate_audio: video.generateAudio,
    draft: video.draft,
    camera_fixed: video.cameraFixed,
    watermark: video.watermark,
    return_last_frame: video.returnLastFrame,
    service_tier: video.serviceTier,
    priority: video.priority,
  }
}

function toContent(video: VideoRequest) {
  const linked = (type: string, role: string, urls: string | string[] | undefined) =>
    listed(urls).map((url) => ({ type, [type]: { url }, role }))
  return [
    ...listed(video.prompt).map((text) => ({ type: 'text', text })),
    ...linked('image_url', 'first_frame', video.firstFrameUrl),
    ...linked('image_url', 'last_frame', video.lastFrameUrl),
    ...linked('image_url', 'reference_image', video.referenceImageUrls),
    ...linked('video_url', 'reference_video', video.referenceVideoUrls),
    ...linked('audio_url', 'reference_audio', video.referenceAudioUrls),
    ...listed(video.draftTaskId).map((id) => ({ type: 'draft_task', draft_task: { id } })),
  ]
}

function listed(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat()
}

/** If both are too long, the user's identifier is truncated: the beginning of a hash serves as well. */
function marked(identifier: string | undefined, mark: string): string {
  return identifier === undefined ? mark : `${identifier.slice(0, MAX_IDENTIFIER - mark.length - 1)}.${mark}`
}
