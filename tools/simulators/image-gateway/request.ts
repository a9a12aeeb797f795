/** What the gateway accepts for images. Other fields of a chat completion are ignored. */
import { z } from 'zod'

const part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1) }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string().min(1) }) }),
])

export const chatSchema = z.object({
  model: z.string().min(1),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'user', 'assistant']),
        content: z.union([z.string().min(1), z.array(part).min(1)]),
      }),
    )
    .min(1),
  modalities: z.array(z.enum(['text', 'image'])).refine((modalities) => modalities.includes('image'), {
    message: "must contain 'image': this model makes nothing else",
  }),
})

export interface ImageAsked {
  prompt: string
  /** Reference images, by URL. */
  references: string[]
  /** Such as `16:9`. */
  ratio: string | undefined
}

/** The text and the images of the messages. */
export function whatIsAsked({ messages }: z.output<typeof chatSchema>): ImageAsked {
  const parts = messages.flatMap(({ content }) =>
    typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content,
  )
  const prompt = parts.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
  return {
    prompt,
    references: parts.flatMap((part) => (part.type === 'image_url' ? part.image_url.url : [])),
    ratio: /Aspect ratio: (\d+:\d+)/.exec(prompt)?.[1],
  }
}
