/** The gateway's answers. Gateways and their versions differ in where the image is. */
import { randomUUID } from 'node:crypto'

/** All known places of the image. */
export const ANSWER_SHAPES = {
  images: '`message.images[]` of `{type, image_url: {url}}`, the URL being data',
  'images-string': '`message.images[]` of `{type, image_url}`, a string',
  image: '`message.image.url`',
  content: 'a data URL within the text of `message.content`',
  'content-parts': '`message.content[]`, a part of type `image_url`',
  link: 'as `images`, but an http URL to fetch the image from',
} as const satisfies Record<string, string>

export type AnswerShape = keyof typeof ANSWER_SHAPES

const SAID = 'A simulated picture.'

/** @param link stores the image and returns its URL */
export function messageWith(image: Uint8Array, shape: AnswerShape, link: (image: Uint8Array) => string) {
  const data = `data:image/png;base64,${Buffer.from(image).toString('base64')}`
  const part = (url: string) => ({ type: 'image_url', index: 0, image_url: { url } })
  switch (shape) {
    case 'images':
      return { role: 'assistant', content: SAID, images: [part(data)] }
    case 'images-string':
      return { role: 'assistant', content: SAID, images: [{ ...part(data), image_url: data }] }
    case 'image':
      return { role: 'assistant', content: SAID, image: { url: data, detail: 'auto' } }
    case 'content':
      return { role: 'assistant', content: `${SAID} ![image](${data})` }
    case 'content-parts':
      return { role: 'assistant', content: [{ type: 'text', text: SAID }, part(data)] }
    case 'link':
      return { role: 'assistant', content: SAID, images: [part(link(image))] }
  }
}

export function completion(id: string, model: string, prompt: string, message: object, finishReason: string) {
  return {
    id,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, finish_reason: finishReason, message }],
    usage: { prompt_tokens: prompt.length, completion_tokens: 1290, total_tokens: prompt.length + 1290 },
  }
}

export function newCompletionId(): string {
  return `chatcmpl-simulated-${randomUUID()}`
}
