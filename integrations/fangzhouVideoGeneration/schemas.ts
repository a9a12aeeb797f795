/** A video task's request and result, validated like Ark does, except for rules that depend on the model. */
import { z } from 'zod'
import { artifactSchema } from '../../artifacts/artifact.js'
import type { UserUrl } from '../../provider-kit/definition/shapes.js'

/** There is no `seed`: it marks the request, so that a lost answer can be looked up. */
export function createVideoRequestSchema(url: UserUrl) {
  return z
    .strictObject({
      /** What the video shows. Optional with images, and not allowed with `draftTaskId`. */
      prompt: z.string().min(1).max(4000).optional(),
      /** The first frame, by URL: image to video. */
      firstFrameUrl: url.optional(),
      /** The last frame, by URL; only together with a first one. */
      lastFrameUrl: url.optional(),
      /** Reference images of people and things, by URL. The model limits their number. Not together with frames. */
      referenceImageUrls: z.array(url).min(1).max(30).optional(),
      /** Reference videos, to edit or to continue; models since 2.0. Not together with frames. */
      referenceVideoUrls: z.array(url).min(1).max(10).optional(),
      /** Reference sounds; models since 2.0. Not together with frames. */
      referenceAudioUrls: z.array(url).min(1).max(10).optional(),
      /** The `providerTaskId` of a draft to render in full quality, with the draft's own request. */
      draftTaskId: z.string().min(1).max(200).optional(),
      /** Default: the model's own, 720p or 1080p. */
      resolution: z.enum(['480p', '720p', '1080p']).optional(),
      /** Default: the model's own. `adaptive` follows the first frame, or the prompt. */
      ratio: z.enum(['16:9', '4:3', '1:1', '3:4', '9:16', '21:9', 'adaptive']).optional(),
      /** Whole seconds, default 5. Models 1.x go up to 12. */
      duration: z.int().min(2).max(15).optional(),
      /** The length in frames, 24 a second: 25 + 4n, from 29 to 289. Instead of `duration`. */
      frames: z
        .int()
        .min(29)
        .max(289)
        .refine((frames) => (frames - 25) % 4 === 0, { error: 'must be 25 + 4n, such as 57 for 2.4 seconds' })
        .optional(),
      /** Default: true, for models with sound. */
      generateAudio: z.boolean().optional(),
      /** A cheap preview in 480p, to be rendered in full quality by `draftTaskId`. Default: false. */
      draft: z.boolean().optional(),
      /** Default false. */
      cameraFixed: z.boolean().optional(),
      /** Default false. */
      watermark: z.boolean().optional(),
      /** Also store the video's last frame, for a video that continues it. Default: false. */
      returnLastFrame: z.boolean().optional(),
      /** `flex` costs half, and takes longer; models 1.x. Default: `default`. */
      serviceTier: z.enum(['default', 'flex']).optional(),
      /** Queued tasks with a higher priority begin first; models since 2.0. Default: 0. */
      priority: z.int().min(0).max(9).optional(),
      /** The end user, always the same for one person: preferably a hash of their id. */
      safetyIdentifier: z
        .string()
        .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 ASCII characters without spaces')
        .optional(),
    })
    .superRefine((request, context) => {
      refuseMisfits(request, (field, message) => context.addIssue({ code: 'custom', path: [field], message }))
    })
}

export const videoResultSchema = z.strictObject({
  video: artifactSchema,
  lastFrame: artifactSchema.optional(),
  providerTaskId: z.string(),
  model: z.string(),
  /** What was made, according to the provider. */
  resolution: z.string().optional(),
  ratio: z.string().optional(),
  duration: z.number().optional(),
  frames: z.number().optional(),
  framesPerSecond: z.number().optional(),
  seed: z.number().optional(),
  /** The differences from the request. */
  differences: z
    .array(
      z.strictObject({
        field: z.enum(['resolution', 'ratio', 'duration', 'frames']),
        asked: z.union([z.string(), z.number()]),
        made: z.union([z.string(), z.number()]),
      }),
    )
    .optional(),
  /** What the provider charges for, and at which rate. */
  completionTokens: z.number().optional(),
  totalTokens: z.number().optional(),
  serviceTier: z.string().optional(),
  /** True if a simulator made this video. */
  simulated: z.boolean(),
})

export type VideoRequest = z.output<ReturnType<typeof createVideoRequestSchema>>
export type VideoResult = z.output<typeof videoResultSchema>

type Field = keyof VideoRequest

const FRAMES: Field[] = ['firstFrameUrl', 'lastFrameUrl']
const REFERENCES: Field[] = ['referenceImageUrls', 'referenceVideoUrls', 'referenceAudioUrls']
/** The fields that a video takes from its draft. */
const OF_THE_DRAFT: Field[] = [
  'prompt',
  ...FRAMES,
  ...REFERENCES,
  'ratio',
  'duration',
  'frames',
  'generateAudio',
  'cameraFixed',
  'draft',
]

/** Fields that exclude each other. */
function refuseMisfits(request: VideoRequest, refuse: (field: Field, message: string) => void): void {
  const given = (field: Field) => request[field] !== undefined
  if (given('draftTaskId')) {
    for (const field of OF_THE_DRAFT.filter(given)) refuse(field, 'is taken from the draft: leave it out')
  } else if (![...FRAMES, ...REFERENCES, 'prompt' as const].some(given)) {
    refuse('prompt', 'is needed, unless an image, a video or a draftTaskId is given')
  }
  if (given('lastFrameUrl') && !given('firstFrameUrl')) refuse('lastFrameUrl', 'needs a firstFrameUrl too')
  if (FRAMES.some(given)) {
    for (const field of REFERENCES.filter(given)) refuse(field, 'does not go with frames: give references or frames')
  }
  if (given('duration') && given('frames')) refuse('frames', 'does not go with duration: give one of them')
  if (request.cameraFixed && REFERENCES.some(given)) refuse('cameraFixed', 'does not go with references')
  if (request.draft) {
    if (given('resolution') && request.resolution !== '480p') refuse('resolution', 'of a draft can only be 480p')
    if (request.returnLastFrame) refuse('returnLastFrame', 'is not there for a draft')
    if (request.serviceTier === 'flex') refuse('serviceTier', 'flex is not there for a draft')
  }
  if (request.serviceTier === 'flex' && given('priority')) refuse('priority', 'is not there with serviceTier flex')
  for (const message of flagsIn(request.prompt ?? '')) refuse('prompt', message)
}

/** Ark's older options within the prompt. It ignores unknown ones, and charges all the same. */
const FLAGS: Record<string, string> = {
  rs: 'resolution',
  resolution: 'resolution',
  rt: 'ratio',
  ratio: 'ratio',
  dur: 'duration',
  duration: 'duration',
  frames: 'frames',
  cf: 'cameraFixed',
  camerafixed: 'cameraFixed',
  wm: 'watermark',
  watermark: 'watermark',
}
const NO_CHOICE: Record<string, string> = {
  seed: 'the seed marks the request and cannot be chosen',
  fps: 'the frame rate cannot be chosen',
  framespersecond: 'the frame rate cannot be chosen',
}

function flagsIn(prompt: string): string[] {
  return [...prompt.matchAll(/(?<=^|\s)--([a-z]+)(?=[\s=]|$)/gi)].flatMap(([flag, name = '']) => {
    const field = FLAGS[name.toLowerCase()]
    if (field) return `has the flag ${flag}, which does not work here: give the field ${field} instead`
    const why = NO_CHOICE[name.toLowerCase()]
    return why ? `has the flag ${flag}: take it out, ${why}` : []
  })
}
