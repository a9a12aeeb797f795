/** Images by chat completion, as LiteLLM and gateways like it offer them. */
import { z } from 'zod'
import type { ProviderHttp } from '../../provider-kit/provider/http.js'
import { noImageError } from './errors.js'
import type { GeneratedImages, ImageRequest } from './schemas.js'

/** Where gateways put the image: in `images` since LiteLLM 1.77, in `image` before, in `content` long before. */
const imagePart = z.union([
  z.string(),
  z.object({ image_url: z.union([z.string(), z.object({ url: z.string() })]) }),
  z.object({ url: z.string() }),
])
const count = z.number().nullish()
const answerSchema = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        /** LiteLLM calls all of Gemini's reasons to make no image `content_filter`. The real one is here. */
        provider_specific_fields: z.object({ native_finish_reason: z.string().nullish() }).nullish(),
        message: z.object({
          content: z.union([z.string(), z.array(z.unknown())]).nullish(),
          images: z.array(imagePart).nullish(),
          image: imagePart.nullish(),
          refusal: z.string().nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count }).nullish(),
})
type Message = z.output<typeof answerSchema>['choices'][number]['message']

/** A data URL's beginning, and a piece of it: V8 may run out of stack where one match has tens of megabytes. */
const DATA_URL = /data:[\w.+/-]*;base64,/g
const PIECE = /[\w+/=-]{1,65536}/y

export function toGatewayBody(request: ImageRequest, model: string): object {
  const { prompt, aspectRatio, imageSize, referenceImages = [] } = request
  // In the prompt, too: gateways may drop the option.
  const text = aspectRatio ? `${prompt}\n\nAspect ratio: ${aspectRatio}` : prompt
  const images = referenceImages.map((url) => ({ type: 'image_url', image_url: { url } }))
  return {
    model,
    messages: [{ role: 'user', content: [{ type: 'text', text }, ...images] }],
    modalities: ['image', 'text'],
    // LiteLLM passes it to Gemini unchanged.
    ...((aspectRatio || imageSize) && { imageConfig: { aspectRatio, imageSize } }),
  }
}

export async function askGateway(http: ProviderHttp, body: object, model: string): Promise<GeneratedImages> {
  const { body: answer, headers } = await http.send({ method: 'POST', path: '/chat/completions', body }, answerSchema)
  const [choice] = answer.choices
  const message = choice?.message ?? {}
  const { content } = message
  const said = typeof content === 'string' ? takenApart(content) : { urls: [], text: textOf(content) }
  const text = said.text.trim() || undefined
  const urls = new Set(imageUrlsOf(message, said.urls))
  const cost = Number.parseFloat(headers.get('x-litellm-response-cost') ?? '')
  const usage = {
    promptTokens: answer.usage?.prompt_tokens ?? undefined,
    completionTokens: answer.usage?.completion_tokens ?? undefined,
    totalTokens: answer.usage?.total_tokens ?? undefined,
    costUsd: Number.isFinite(cost) ? cost : undefined,
  }
  if (urls.size === 0) {
    const reason = choice?.provider_specific_fields?.native_finish_reason ?? choice?.finish_reason
    throw noImageError(message.refusal ? 'refusal' : reason, message.refusal ?? text, usage)
  }
  return {
    images: [...urls].map(toImage),
    model: answer.model ?? model,
    ...(text && { text }),
    usage,
  }
}

/** @param inText what there is if the message has no pictures of its own */
function imageUrlsOf({ images, image, content }: Message, inText: string[]): string[] {
  const parts = Array.isArray(content) ? content.flatMap((part) => imagePart.safeParse(part).data ?? []) : []
  const urls = [...(images ?? []), ...(image ? [image] : []), ...parts].map(urlOf)
  return urls.length > 0 ? urls : inText
}

function urlOf(part: z.output<typeof imagePart>): string {
  if (typeof part === 'string') return part
  if ('url' in part) return part.url
  return typeof part.image_url === 'string' ? part.image_url : part.image_url.url
}

/** Keeps a link. Takes the bytes of a data URL or of plain base64; the type that a data URL states is ignored. */
function toImage(url: string): Uint8Array | URL {
  if (/^https?:/i.test(url) && URL.canParse(url)) return new URL(url)
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
}

function textOf(parts: Exclude<Message['content'], string>): string {
  const texts = (parts ?? []).flatMap((part) => z.object({ text: z.string() }).safeParse(part).data?.text ?? [])
  return texts.join('\n')
}

/** A text's data URLs, and what is left without them. */
function takenApart(content: string): { urls: string[]; text: string } {
  const urls: string[] = []
  let [text, at] = ['', 0]
  for (const { index, 0: beginning } of content.matchAll(DATA_URL)) {
    const from = index + beginning.length
    let end = from
    for (PIECE.lastIndex = from; PIECE.test(content); ) end = PIECE.lastIndex
    if (end === from) continue
    urls.push(content.slice(index, end))
    text += content.slice(at, index)
    at = end
  }
  return { urls, text: text + content.slice(at) }
}
