import { z } from 'zod'
import { artifactSchema } from '../../artifacts/artifact.js'
import type { UserUrl } from '../../provider-kit/definition/shapes.js'

/** A task travels through Temporal whole, and Temporal takes 2 MB. */
const MAX_DATA_URL_CHARACTERS = 1_000_000

function referenceImageSchema(url: UserUrl) {
  return z
    .string()
    .max(MAX_DATA_URL_CHARACTERS, 'is too large: give the URL of a picture that is stored somewhere')
    .regex(
      /^(https?:\/\/\S+|data:image\/[\w.+-]+;base64,[A-Za-z0-9+/=]+)$/,
      'must be an http(s) URL or a data:image/… URL',
    )
    .superRefine((text, context) => {
      const link = text.startsWith('data:') ? undefined : url.safeParse(text)
      for (const { message } of link?.error?.issues ?? []) context.addIssue({ code: 'custom', message })
    })
}

export function createImageRequestSchema(url: UserUrl) {
  return z.strictObject({
    prompt: z.string().min(1).max(8000),
    /** Pictures to start from: image to image. */
    referenceImages: z
      .array(referenceImageSchema(url))
      .min(1)
      .max(8)
      .refine((images) => images.reduce((sum, image) => sum + image.length, 0) <= MAX_DATA_URL_CHARACTERS, {
        message: 'are too large together: give URLs of pictures that are stored somewhere',
      })
      .optional(),
    /** Models do not always keep to it. What came is measured. */
    aspectRatio: z.enum(['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9']).optional(),
    /** The pixels of a square of 1024, 2048 or 4096 to a side, in whatever aspect ratio. Not every model knows it. */
    imageSize: z.enum(['1K', '2K', '4K']).optional(),
  })
}

/** What the provider says it took; without what it does not say. */
const imageUsageSchema = z.strictObject({
  promptTokens: z.number().optional(),
  /** Those of the image, of the text and of the thoughts before them. */
  completionTokens: z.number().optional(),
  totalTokens: z.number().optional(),
  /** US dollars. */
  costUsd: z.number().optional(),
})

export const imageResultSchema = z.strictObject({
  images: z
    .array(
      artifactSchema.extend({
        /** Measured, in pixels. */
        width: z.number().int(),
        height: z.number().int(),
        /** Whether it has the aspect ratio and the size that were asked for. Absent where neither was. */
        asRequested: z.boolean().optional(),
        /** What of it is not as it was asked for. */
        mismatch: z.array(z.enum(['aspectRatio', 'imageSize'])).optional(),
      }),
    )
    .min(1),
  /** What the model said beside the picture. */
  text: z.string().optional(),
  model: z.string(),
  usage: imageUsageSchema,
  /** True if no provider made this image but its simulator. */
  simulated: z.boolean(),
})

export type ImageRequest = z.output<ReturnType<typeof createImageRequestSchema>>
export type ImageResult = z.output<typeof imageResultSchema>

/** What both ways to ask for images give. */
export interface GeneratedImages {
  /** What a gateway only links to is a URL. The bytes are as they came: nobody has looked whether they are an image. */
  images: Array<Uint8Array | URL>
  /** What the model said beside them. */
  text?: string
  model: string
  usage: ImageResult['usage']
}
