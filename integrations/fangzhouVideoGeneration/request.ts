/** A video request as Ark is asked, and the mark by which it is found again. */
import { createHash } from 'node:crypto'
import type { ArkTask } from './answers.js'
import type { VideoRequest } from './schemas.js'

/**
 * What a create carries so that it can be found again when its answer is lost: Ark has no key for that, and lists
 * these two. The seed is kept by models 1.x only, the tag travels as a part of the end user's identifier.
 */
export interface Mark {
  seed: number
  tag: string
}

export interface AttemptKey {
  taskKey: string
  attempt: number
}

const MAX_IDENTIFIER = 64
/** Ark gives up a task no sooner, and no later. */
const MIN_EXPIRY_SECONDS = 3600
const MAX_EXPIRY_SECONDS = 259_200

/** What goes with a request beyond what is asked for. */
export interface CreateOptions {
  mark: Mark
  /** When nobody waits for the task any more, and Ark may give it up. */
  deadlineSeconds: number
  /** Where Ark tells of each change of the task's status. */
  callbackUrl?: string | undefined
}

/** The mark of an attempt, always the same. */
export function markOf({ taskKey, attempt }: AttemptKey): Mark {
  const hash = createHash('sha256').update(`${taskKey}:${attempt}`).digest()
  // 31 bits: Ark's documents differ on whether seeds may have 32.
  return { seed: hash.readUInt32BE(0) >>> 1, tag: `task-${hash.toString('hex', 4, 14)}` }
}

/** Whether this is what was created with the mark. */
export function carries(task: Pick<ArkTask, 'seed' | 'safety_identifier'>, { seed, tag }: Mark): boolean {
  const tagged = /task-[0-9a-f]{20}$/.exec(task.safety_identifier ?? '')
  return tagged ? tagged[0] === tag : task.seed === seed
}

/** The longest video of a model, in seconds; undefined where its name does not tell. */
export function longestDuration(model: string): number | undefined {
  return /seedance-1-/.test(model) ? 12 : undefined
}

/** The body of a create: fields of their own rather than flags in the prompt, which Ark does not check. */
export function toArkRequest(
  video: VideoRequest,
  model: string,
  { mark, deadlineSeconds, callbackUrl }: CreateOptions,
) {
  // A draft's seed is used for the video that is made of it. Models since 2.0 know no seed; an endpoint's name does
  // not tell its model, so that such a request gets both marks.
  const takesSeed = video.draftTaskId === undefined && !/seedance-[2-9]-/.test(model)
  const keepsSeed = takesSeed && /seedance-1-/.test(model)
  return {
    model,
    content: toContent(video),
    ...(takesSeed && { seed: mark.seed }),
    safety_identifier: keepsSeed ? video.safetyIdentifier : tagged(video.safetyIdentifier, mark.tag),
    callback_url: callbackUrl,
    execution_expires_after: Math.min(Math.max(MIN_EXPIRY_SECONDS, deadlineSeconds), MAX_EXPIRY_SECONDS),
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
  const image = (role: string) => (url: string) => ({ type: 'image_url', image_url: { url }, role })
  return [
    ...listed(video.prompt).map((text) => ({ type: 'text', text })),
    ...listed(video.firstFrameUrl).map(image('first_frame')),
    ...listed(video.lastFrameUrl).map(image('last_frame')),
    ...listed(video.referenceImageUrls).map(image('reference_image')),
    ...listed(video.referenceVideoUrls).map((url) => ({
      type: 'video_url',
      video_url: { url },
      role: 'reference_video',
    })),
    ...listed(video.referenceAudioUrls).map((url) => ({
      type: 'audio_url',
      audio_url: { url },
      role: 'reference_audio',
    })),
    ...listed(video.draftTaskId).map((id) => ({ type: 'draft_task', draft_task: { id } })),
  ]
}

/** What Ark is to fetch. */
export function urlsOf(video: VideoRequest): string[] {
  const { firstFrameUrl, lastFrameUrl, referenceImageUrls, referenceVideoUrls, referenceAudioUrls } = video
  return [firstFrameUrl, lastFrameUrl, referenceImageUrls, referenceVideoUrls, referenceAudioUrls].flatMap(listed)
}

function listed(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat()
}

/** The user's identifier is shortened where both do not fit: of a hash, the beginning is as good. */
function tagged(identifier: string | undefined, tag: string): string {
  return identifier === undefined ? tag : `${identifier.slice(0, MAX_IDENTIFIER - tag.length - 1)}.${tag}`
}
