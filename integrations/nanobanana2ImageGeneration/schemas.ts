import { z } from 'zod'
import { artifactSchema } from '../shared/artifact.js'

/** A task travels through Temporal whole, and Temporal takes 2 MB. */
const MAX_DATA_URL_CHARACTERS = 1_000_000

const referenceImage = z
  .string()
  .max(MAX_DATA_URL_CHARACTERS, 'is too large: give the URL of a picture that is stored somewhere')
  .regex(
    /^(https?:\/\/\S+|data:image\/[\w.+-]+;base64,[A-Za-z0-9+/=]+)$/,
    'must be an http(s) URL or a data:image/… URL',
  )

export const imageRequestSchema = z.strictObject({
  prompt: z.string().min(1).max(8000),
  /** Pictures to start from: image to image. */
  referenceImages: z
    .array(referenceImage)
    .min(1)
    .max(8)
    .refine((images) => images.reduce((sum, image) => sum + image.length, 0) <= MAX_DATA_URL_CHARACTERS, {
      message: 'are too large together: give URLs of pictures that are stored somewhere',
    })
    .optional(),
  /** Asked for in words: models do not always keep to it. What came is measured. */
  aspectRatio: z.enum(['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9']).optional(),
})

export const imageResultSchema = z.strictObject({
  images: z
    .array(
      artifactSchema.extend({
        /** Measured, in pixels. */
        width: z.number().int(),
        height: z.number().int(),
        /** Whether it has the aspect ratio that was asked for. */
        asRequested: z.boolean().optional(),
      }),
    )
    .min(1),
  /** What the model said beside the picture. */
  text: z.string().optional(),
  model: z.string(),
  totalTokens: z.number().optional(),
  /** True if no provider made this image but its simulator. */
  simulated: z.boolean(),
})

export type ImageRequest = z.output<typeof imageRequestSchema>
export type ImageResult = z.output<typeof imageResultSchema>
