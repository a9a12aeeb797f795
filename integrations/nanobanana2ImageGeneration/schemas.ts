import { z } from 'zod'
import { artifactSchema } from '../../artifacts/artifact.js'
import type { UserUrl } from '../../provider-kit/definition/shapes.js'
import type { UsedUnits } from '../../provider-kit/provider/units.js'

/** A task passes through Temporal as a whole, and Temporal accepts 2 MB. */
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
    /** Reference images: image to image. */
    referenceImages: z
      .array(referenceImageSchema(url))
      .min(1)
      .max(8)
      .refine((images) => images.reduce((sum, image) => sum + image.length, 0) <= MAX_DATA_URL_CHARACTERS, {
        message: 'are too large together: give URLs of pictures that are stored somewhere',
      })
      .optional(),
    /** Models do not always follow it. The result is measured. */
    aspectRatio: z.enum(['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9']).optional(),
    /** As many pixels as a square with sides of 1024, 2048 or 4096, in any aspect ratio. Not for all models. */
    imageSize: z.enum(['1K', '2K', '4K']).optional(),
  })
}

/** What the provider reports as used. */
const imageUsageSchema = z.strictObject({
  promptTokens: z.number().optional(),
  /** Those of the image, the text and the thoughts. */
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
        width: z.int(),
        height: z.int(),
        /** Whether it has the requested aspect ratio and size. Absent if none was requested. */
        asRequested: z.boolean().optional(),
        /** The differences from the request. */
        mismatch: z.array(z.enum(['aspectRatio', 'imageSize'])).optional(),
      }),
    )
    .min(1),
  /** The model's text about the image. */
  text: z.string().optional(),
  model: z.string(),
  usage: imageUsageSchema,
  /** True if a simulator made this image. */
  simulated: z.boolean(),
})

export type ImageRequest = z.output<ReturnType<typeof createImageRequestSchema>>
export type ImageResult = z.output<typeof imageResultSchema>

/** What is charged for; `microUsd` are the millionths of a dollar that a gateway says. */
export function unitsUsed({ images, usage }: Pick<GeneratedImages, 'images' | 'usage'>): UsedUnits {
  const { promptTokens, completionTokens, costUsd } = usage
  const microUsd = costUsd === undefined ? undefined : Math.round(costUsd * 1_000_000)
  return { images: images.length, promptTokens, completionTokens, microUsd }
}

/** The answer of both APIs. */
export interface GeneratedImages {
  /** A URL if a gateway only links to the image. The bytes are unchecked: they may be no image. */
  images: Array<Uint8Array | URL>
  /** The model's text about them. */
  text?: string
  model: string
  usage: ImageResult['usage']
}
