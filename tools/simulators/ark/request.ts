/** What Ark's create accepts. Unknown fields are refused: Ark ignores them, and charges. */
import { z } from 'zod'

const url = z.string().regex(/^(https?:\/\/|data:|asset:\/\/)/, 'is not a URL')
const text = z.strictObject({ type: z.literal('text'), text: z.string().min(1) })
const image = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url }),
  role: z.enum(['first_frame', 'last_frame', 'reference_image']).optional(),
})
const video = z.strictObject({
  type: z.literal('video_url'),
  video_url: z.strictObject({ url }),
  role: z.literal('reference_video').optional(),
})
const audio = z.strictObject({
  type: z.literal('audio_url'),
  audio_url: z.strictObject({ url }),
  role: z.literal('reference_audio').optional(),
})
/** An existing draft, to be rendered in full quality. */
const draftTask = z.strictObject({
  type: z.literal('draft_task'),
  draft_task: z.strictObject({ id: z.string().min(1) }),
})
const content = z
  .array(z.discriminatedUnion('type', [text, image, video, audio, draftTask]))
  .min(1)
  .superRefine((parts, context) => {
    const message = combinationError(parts)
    if (message) context.addIssue({ code: 'custom', message })
  })

export type ContentPart = z.output<typeof text | typeof image | typeof video | typeof audio | typeof draftTask>

export const createTaskSchema = z
  .strictObject({
    model: z.string().min(1),
    content,
    safety_identifier: z.string().min(1).max(64).optional(),
    callback_url: z.url({ protocol: /^https?$/ }).optional(),
    return_last_frame: z.boolean().default(false),
    service_tier: z.enum(['default', 'flex']).default('default'),
    execution_expires_after: z.int().min(3600).max(259_200).default(172_800),
    priority: z.int().min(0).max(9).default(0),
    generate_audio: z.boolean().default(true),
    draft: z.boolean().default(false),
    camera_fixed: z.boolean().default(false),
    watermark: z.boolean().default(false),
    seed: z
      .int()
      .min(-1)
      .max(2 ** 32 - 1)
      .default(-1),
    resolution: z.enum(['480p', '720p', '1080p']).default('720p'),
    ratio: z.enum(['16:9', '4:3', '1:1', '3:4', '9:16', '21:9', 'adaptive']).default('16:9'),
    duration: z.int().min(2).max(15).default(5),
    frames: z
      .int()
      .min(29)
      .max(289)
      .refine((frames) => (frames - 25) % 4 === 0, 'must be 25 + 4n')
      .optional(),
  })
  .superRefine(({ model, duration, frames }, context) => {
    if (frames === undefined && duration > longestDuration(model)) {
      const message = `${model} makes videos of 2 to ${longestDuration(model)} seconds`
      context.addIssue({ code: 'custom', path: ['duration'], message })
    }
  })

export type CreateTask = z.output<typeof createTaskSchema>

export function promptOf({ content }: Pick<CreateTask, 'content'>): string {
  return content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
}

/**
 * In seconds. The generation is part of the model's id, such as `doubao-seedance-1-5-pro-251215`; an id without one,
 * such as an endpoint's, counts as the newest.
 */
function longestDuration(model: string): number {
  return /seedance-1-/.test(model) ? 12 : 15
}

/** The seconds of video, at Ark's 24 frames a second. */
export function secondsOf({ duration, frames }: CreateTask): number {
  return frames === undefined ? duration : frames / 24
}

/** Models since 2.0 accept a seed, but do not use it: the record shows another one. */
export function keepsSeed(model: string): boolean {
  return !/seedance-[2-9]-/.test(model)
}

/** The request to render a draft in full quality: the fields that determine the picture are the draft's. */
export function inFull(request: CreateTask, draft: CreateTask): CreateTask {
  const { content, seed, ratio, duration, frames } = draft
  return { ...request, content, seed, ratio, duration, ...(frames !== undefined && { frames }) }
}

/** A video starts from frames, references or a draft: exactly one of the three. */
function combinationError(parts: ContentPart[]): string | undefined {
  const images = parts.filter((part) => part.type === 'image_url')
  const frames = images.filter(({ role }) => role !== 'reference_image')
  const withRole = (wanted: string) => frames.filter(({ role }) => role === wanted).length
  const references = parts.length - frames.length - parts.filter(({ type }) => type === 'text').length
  if (parts.some(({ type }) => type === 'draft_task')) {
    return parts.length > 1 ? 'a draft_task stands alone' : undefined
  }
  if (images.length > 1 && images.some(({ role }) => role === undefined)) return 'of several images each needs a role'
  if (withRole('first_frame') > 1 || withRole('last_frame') > 1)
    return 'there can be one first_frame and one last_frame'
  if (withRole('last_frame') > 0 && withRole('first_frame') === 0) return 'a last_frame needs a first_frame'
  if (frames.length > 0 && references > 0) return 'frames and references cannot be used together'
  const picturesOrVideos = images.length + parts.filter(({ type }) => type === 'video_url').length
  if (picturesOrVideos === 0 && parts.some(({ type }) => type === 'audio_url')) {
    return 'an audio_url needs a reference image or video beside it'
  }
  return undefined
}
