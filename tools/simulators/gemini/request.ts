/** What `generateContent` accepts. Like the Gemini API it refuses unknown fields. */
import { z } from 'zod'

const ASPECT_RATIOS = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'] as const
/** The number of an image's pixels, as the side of a square with as many. */
export const IMAGE_SIDES = { '1K': 1024, '2K': 2048, '4K': 4096 } as const

const base64 = z.base64('is no base64')
const part = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({
    inlineData: z.strictObject({ mimeType: z.string().regex(/^image\//, 'is no image'), data: base64 }),
  }),
])

/** Ignored: it does not affect a simulated image. */
const unread = z.unknown().optional()

export const generateContentSchema = z.strictObject({
  contents: z.array(z.strictObject({ role: z.enum(['user', 'model']).optional(), parts: z.array(part).min(1) })).min(1),
  generationConfig: z
    .strictObject({
      responseModalities: z
        .array(z.enum(['TEXT', 'IMAGE']))
        .refine((modalities) => modalities.includes('IMAGE'), "must contain 'IMAGE': this model makes nothing else")
        .optional(),
      imageConfig: z
        .strictObject({
          aspectRatio: z.enum(ASPECT_RATIOS).optional(),
          imageSize: z.enum(Object.keys(IMAGE_SIDES) as Array<keyof typeof IMAGE_SIDES>).default('1K'),
        })
        .optional(),
      thinkingConfig: z.object({ includeThoughts: z.boolean().default(false) }).optional(),
      candidateCount: z.literal(1).optional(),
      temperature: unread,
      topP: unread,
      topK: unread,
      seed: unread,
      maxOutputTokens: unread,
      stopSequences: unread,
    })
    .optional(),
  systemInstruction: unread,
  safetySettings: unread,
  tools: unread,
})

export type GenerateContent = z.output<typeof generateContentSchema>

export function promptOf({ contents }: GenerateContent): string {
  return contents.flatMap(({ parts }) => parts.flatMap((part) => ('text' in part ? part.text : []))).join('\n')
}

export function referencesOf({ contents }: GenerateContent): Buffer[] {
  return contents.flatMap(({ parts }) =>
    parts.flatMap((part) => ('inlineData' in part ? Buffer.from(part.inlineData.data, 'base64') : [])),
  )
}
