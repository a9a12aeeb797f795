import { z } from 'zod'
import { artifactSchema } from '../shared/artifact.js'

/** What Ark is asked for. There is no `seed`: it marks the request, so that a lost answer can be looked up. */
export const videoRequestSchema = z
  .strictObject({
    prompt: z.string().min(1).max(4000),
    /** The first frame, by URL: image to video. */
    firstFrameUrl: z
      .url({ protocol: /^https?$/ })
      .max(4000)
      .optional(),
    /** The last frame, by URL; only together with a first one. */
    lastFrameUrl: z
      .url({ protocol: /^https?$/ })
      .max(4000)
      .optional(),
    resolution: z.enum(['480p', '720p', '1080p']).optional(),
    ratio: z.enum(['16:9', '4:3', '1:1', '3:4', '9:16', '21:9', 'adaptive']).optional(),
    /** Seconds. Which lengths there are depends on the model. */
    duration: z.number().int().min(2).max(15).optional(),
    cameraFixed: z.boolean().optional(),
    watermark: z.boolean().optional(),
    generateAudio: z.boolean().optional(),
    /** Also keep the video's last frame, for a video that goes on from it. */
    returnLastFrame: z.boolean().optional(),
  })
  .refine((request) => request.lastFrameUrl === undefined || request.firstFrameUrl !== undefined, {
    path: ['lastFrameUrl'],
    message: 'needs a firstFrameUrl too',
  })

export const videoResultSchema = z.strictObject({
  video: artifactSchema,
  lastFrame: artifactSchema.optional(),
  providerTaskId: z.string(),
  model: z.string(),
  /** What was really made, as the provider says. */
  resolution: z.string().optional(),
  ratio: z.string().optional(),
  duration: z.number().optional(),
  framesPerSecond: z.number().optional(),
  seed: z.number().optional(),
  totalTokens: z.number().optional(),
  /** True if no provider made this video but its simulator. */
  simulated: z.boolean(),
})

export type VideoRequest = z.output<typeof videoRequestSchema>
export type VideoResult = z.output<typeof videoResultSchema>
