/** Image generation by chat completion, as LiteLLM and its like offer it. */
import OpenAI from 'openai'
import { z } from 'zod'
import { neverSent, ProviderError, parseRetryAfter } from '../shared/activities/provider-error.js'
import type { FailureKind } from '../shared/failure.js'
import type { ProviderEndpoint } from '../shared/provider-config.js'
import type { ImageRequest } from './schemas.js'

/** Where gateways put the image: in `images` since LiteLLM 1.77, in `image` before, in `content` long before. */
const imagePart = z.union([
  z.string(),
  z.object({ image_url: z.union([z.string(), z.object({ url: z.string() })]) }),
  z.object({ url: z.string() }),
])
const answerSchema = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.union([z.string(), z.array(z.unknown())]).nullish(),
          images: z.array(imagePart).nullish(),
          image: imagePart.nullish(),
          refusal: z.string().nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.object({ total_tokens: z.number().nullish() }).nullish(),
})
type Message = z.output<typeof answerSchema>['choices'][number]['message']

const DATA_URL = /data:image\/[\w.+-]+;base64,([A-Za-z0-9+/=]+)/
/** The model will not draw this, however often it is asked. */
const REFUSAL_REASONS = /content_filter|safety|prohibited|blocklist|recitation|spii/i

export interface GeneratedImages {
  /** Data URLs are decoded; what a gateway only links to stays a URL. */
  images: Array<Uint8Array | URL>
  text?: string
  model: string
  totalTokens?: number
}

export interface ImageClient {
  /** Throws a `ProviderError`. One request: the library's own retries are off, each may cost money. */
  generate(request: ImageRequest, signal: AbortSignal): Promise<GeneratedImages>
}

export function createImageClient(endpoint: ProviderEndpoint): ImageClient {
  const openai = new OpenAI({
    apiKey: endpoint.apiKey,
    baseURL: endpoint.baseUrl,
    maxRetries: 0,
    timeout: endpoint.requestTimeoutMs,
  })
  return {
    async generate(request, signal) {
      const body = {
        model: endpoint.model,
        messages: [{ role: 'user' as const, content: toContent(request) }],
        // The library's type knows the modalities of OpenAI's own models only.
        modalities: ['image', 'text'] as unknown as Array<'text'>,
      }
      let answer: unknown
      try {
        answer = await openai.chat.completions.create(body, { signal })
      } catch (error) {
        throw toProviderError(error)
      }
      return readAnswer(answer, endpoint.model)
    },
  }
}

function toContent({ prompt, aspectRatio, referenceImages = [] }: ImageRequest) {
  const text = aspectRatio ? `${prompt}\n\nAspect ratio: ${aspectRatio}` : prompt
  return [
    { type: 'text' as const, text },
    ...referenceImages.map((url) => ({ type: 'image_url' as const, image_url: { url } })),
  ]
}

function readAnswer(body: unknown, model: string): GeneratedImages {
  const answer = answerSchema.safeParse(body).data
  const choice = answer?.choices[0]
  if (!answer || !choice) {
    throw new ProviderError('The answer has no message', { code: 'unreadable_answer', kind: 'ambiguous' })
  }
  const { message, finish_reason: reason } = choice
  const text = textOf(message)
  const images = imageUrlsOf(message).map(decode)
  if (images.length === 0) {
    const said = message.refusal ?? text
    const refused = message.refusal || REFUSAL_REASONS.test(reason ?? '')
    throw new ProviderError(`No image was made${reason ? ` (${reason})` : ''}${said ? `: ${said}` : ''}`, {
      code: refused ? reason || 'content_filter' : 'no_image',
      kind: refused ? 'refused' : 'ended',
    })
  }
  const totalTokens = answer.usage?.total_tokens
  return { images, model: answer.model ?? model, ...(text && { text }), ...(totalTokens && { totalTokens }) }
}

function imageUrlsOf({ images, image, content }: Message): string[] {
  const parts = Array.isArray(content) ? content.flatMap((part) => imagePart.safeParse(part).data ?? []) : []
  const urls = [...(images ?? []), ...(image ? [image] : []), ...parts].map(urlOf)
  if (urls.length > 0) return urls
  const inText = typeof content === 'string' ? DATA_URL.exec(content) : null
  return inText ? [inText[0]] : []
}

function urlOf(part: z.output<typeof imagePart>): string {
  if (typeof part === 'string') return part
  if ('url' in part) return part.url
  return typeof part.image_url === 'string' ? part.image_url : part.image_url.url
}

function decode(url: string): Uint8Array | URL {
  const base64 = DATA_URL.exec(url)?.[1]
  if (base64) return Buffer.from(base64, 'base64')
  if (URL.canParse(url)) return new URL(url)
  throw new ProviderError('The image is neither a data URL nor a URL', { code: 'unreadable_answer', kind: 'ambiguous' })
}

function textOf({ content }: Message): string | undefined {
  if (typeof content === 'string') return content.replace(DATA_URL, '').trim() || undefined
  const texts = (content ?? []).flatMap((part) => z.object({ text: z.string() }).safeParse(part).data?.text ?? [])
  return texts.join('\n').trim() || undefined
}

function toProviderError(error: unknown): unknown {
  if (error instanceof OpenAI.APIConnectionError || error instanceof OpenAI.APIUserAbortError) {
    const kind = neverSent(error) ? 'unavailable' : 'ambiguous'
    return new ProviderError(`No answer: ${error.message}`, { code: 'no_answer', kind, cause: error })
  }
  if (!(error instanceof OpenAI.APIError)) {
    // The library could not read the body of an answer.
    const message = error instanceof Error ? error.message : String(error)
    return new ProviderError(message, { code: 'unreadable_answer', kind: 'ambiguous', cause: error })
  }
  const { status, headers, message } = error
  // LiteLLM repeats the status as the code; the type says more then.
  const code = error.code && !/^\d+$/.test(error.code) ? error.code : error.type || `http_${status}`
  return new ProviderError(message, {
    code,
    kind: kindOf(status ?? 0),
    retryAfterSeconds: parseRetryAfter(headers?.get('retry-after')),
    cause: error,
  })
}

/**
 * A 500 is an answer: the request is over and made nothing. A 502, a 504, a timeout or a broken connection is none:
 * the image may have been made, and charged for.
 */
function kindOf(status: number): FailureKind {
  if (status === 429 || status === 503 || status === 529) return 'unavailable'
  if (status === 500) return 'ended'
  return status >= 400 && status < 500 && status !== 408 ? 'refused' : 'ambiguous'
}
