/** What Ark's create accepts. Stricter than Ark where Ark ignores and bills: an unknown field is refused. */
import { z } from 'zod'

const url = z.string().regex(/^(https?:\/\/|data:)/, 'is not a URL')

export const createTaskSchema = z.strictObject({
  model: z.string().min(1),
  content: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('text'), text: z.string().min(1) }),
        z.strictObject({
          type: z.literal('image_url'),
          image_url: z.strictObject({ url }),
          role: z.enum(['first_frame', 'last_frame', 'reference_image']).optional(),
        }),
      ]),
    )
    .min(1)
    .refine((parts) => !parts.some(isFrame('last_frame')) || parts.some(isFrame('first_frame')), {
      message: 'a last_frame needs a first_frame',
    }),
  callback_url: z.url().optional(),
  return_last_frame: z.boolean().default(false),
  service_tier: z.enum(['default', 'flex']).default('default'),
  execution_expires_after: z.number().int().min(3600).max(259_200).default(172_800),
  generate_audio: z.boolean().default(true),
  camera_fixed: z.boolean().default(false),
  watermark: z.boolean().default(false),
  seed: z
    .number()
    .int()
    .min(-1)
    .max(2 ** 32 - 1)
    .default(-1),
  resolution: z.enum(['480p', '720p', '1080p']).default('720p'),
  ratio: z.enum(['16:9', '4:3', '1:1', '3:4', '9:16', '21:9', 'adaptive']).default('16:9'),
  duration: z.number().int().min(2).max(15).default(5),
})

export type CreateTask = z.output<typeof createTaskSchema>

export function promptOf({ content }: CreateTask): string {
  return content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
}

function isFrame(role: string) {
  return (part: { type: string; role?: string | undefined }) => part.role === role
}
