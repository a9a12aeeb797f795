/** Images by chat completion, as LiteLLM and gateways like it offer them. */
import OpenAI from 'openai'
import { z } from 'zod'
import type { ProviderEndpoint } from '../../../provider-kit/provider/config.js'
import { innermostWords, neverSent, ProviderError, parseRetryAfter } from '../../../provider-kit/provider/errors.js'
import { providerFetch } from '../../../provider-kit/provider/fetch.js'
import { checkUserUrls, type UserUrlChecks } from '../../../provider-kit/provider/user-urls.js'
import { linksAmong } from '../reference-images.js'
import type { ImageRequest } from '../schemas.js'
import type { GeneratedImages, ImageClient } from './client.js'
import { gatewayError, noImageError } from './errors.js'

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
        /** LiteLLM calls every reason of Gemini's to make no image a `content_filter`, and has the real one here. */
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
  usage: z
    .object({
      prompt_tokens: z.number().nullish(),
      completion_tokens: z.number().nullish(),
      total_tokens: z.number().nullish(),
    })
    .nullish(),
})
type Message = z.output<typeof answerSchema>['choices'][number]['message']

const errorSchema = z.object({
  message: z.string().nullish(),
  type: z.string().nullish(),
  code: z.union([z.string(), z.number()]).nullish(),
})

const DATA_URLS = /data:[\w.+/-]*;base64,[\w+/=-]+/g

export function createGatewayClient(endpoint: ProviderEndpoint, userUrls: UserUrlChecks): ImageClient {
  const openai = new OpenAI({
    apiKey: endpoint.apiKey,
    baseURL: endpoint.baseUrl,
    maxRetries: 0,
    // It would print what is sent and answered, where the environment says so.
    logLevel: 'off',
    timeout: endpoint.requestTimeoutMs,
    fetch: providerFetch,
    // The prompt and the key go to the configured address only.
    fetchOptions: { redirect: 'manual' },
  })
  return {
    async prepare(request, signal) {
      await checkUserUrls(linksAmong(request.referenceImages ?? []), signal, userUrls)
      const body = toBody(request, endpoint.model)
      return async (signal) => {
        const completion = openai.chat.completions.create(body, { signal }).withResponse()
        const { data, response } = await completion.catch((error: unknown) => {
          throw toProviderError(error)
        })
        return readAnswer(data, response.headers, endpoint.model)
      }
    },
  }
}

function toBody({ prompt, aspectRatio, imageSize, referenceImages = [] }: ImageRequest, model: string) {
  // In words too: gateways may drop the option.
  const text = aspectRatio ? `${prompt}\n\nAspect ratio: ${aspectRatio}` : prompt
  const images = referenceImages.map((url) => ({ type: 'image_url' as const, image_url: { url } }))
  return {
    model,
    messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text }, ...images] }],
    // The library's type knows the modalities of OpenAI's own models only.
    modalities: ['image', 'text'] as unknown as Array<'text'>,
    // LiteLLM hands it on to Gemini as it is.
    ...((aspectRatio || imageSize) && { imageConfig: { aspectRatio, imageSize } }),
  }
}

function readAnswer(body: unknown, headers: Headers, model: string): GeneratedImages {
  const answer = answerSchema.safeParse(body).data
  const choice = answer?.choices[0]
  if (!answer || !choice) {
    throw new ProviderError('The answer has no message', { code: 'unreadable_answer', kind: 'ambiguous' })
  }
  const { message, finish_reason, provider_specific_fields } = choice
  const text = textOf(message)
  const urls = new Set(imageUrlsOf(message))
  if (urls.size === 0) {
    const reason = message.refusal ? 'refusal' : (provider_specific_fields?.native_finish_reason ?? finish_reason)
    throw noImageError(reason ?? undefined, message.refusal ?? text)
  }
  const { usage } = answer
  const cost = Number.parseFloat(headers.get('x-litellm-response-cost') ?? '')
  return {
    images: [...urls].map(toImage),
    model: answer.model ?? model,
    ...(text && { text }),
    usage: {
      promptTokens: usage?.prompt_tokens ?? undefined,
      completionTokens: usage?.completion_tokens ?? undefined,
      totalTokens: usage?.total_tokens ?? undefined,
      costUsd: Number.isFinite(cost) ? cost : undefined,
    },
  }
}

function imageUrlsOf({ images, image, content }: Message): string[] {
  const parts = Array.isArray(content) ? content.flatMap((part) => imagePart.safeParse(part).data ?? []) : []
  const urls = [...(images ?? []), ...(image ? [image] : []), ...parts].map(urlOf)
  if (urls.length > 0) return urls
  return typeof content === 'string' ? (content.match(DATA_URLS) ?? []) : []
}

function urlOf(part: z.output<typeof imagePart>): string {
  if (typeof part === 'string') return part
  if ('url' in part) return part.url
  return typeof part.image_url === 'string' ? part.image_url : part.image_url.url
}

/** A link stays one. Of a data URL the bytes are taken, and not its word for what they are; of bare base64 too. */
function toImage(url: string): Uint8Array | URL {
  if (/^https?:/i.test(url) && URL.canParse(url)) return new URL(url)
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
}

function textOf({ content }: Message): string | undefined {
  if (typeof content === 'string') return content.replace(DATA_URLS, '').trim() || undefined
  const texts = (content ?? []).flatMap((part) => z.object({ text: z.string() }).safeParse(part).data?.text ?? [])
  return texts.join('\n').trim() || undefined
}

function toProviderError(error: unknown): ProviderError {
  if (error instanceof OpenAI.APIConnectionError || error instanceof OpenAI.APIUserAbortError) {
    const kind = neverSent(error) ? 'unavailable' : 'ambiguous'
    return new ProviderError(`No answer: ${innermostWords(error)}`, { code: 'no_answer', kind, cause: error })
  }
  if (!(error instanceof OpenAI.APIError)) {
    // The library could not read the body of an answer. A parser's error quotes a piece of it, which may be half a key.
    const said = error instanceof Error ? error.message : String(error)
    const message = error instanceof SyntaxError ? 'The answer is not JSON' : said
    return new ProviderError(message, { code: 'unreadable_answer', kind: 'ambiguous', cause: error })
  }
  const said = errorSchema.safeParse(error.error).data
  const message = said?.message ?? error.message
  return gatewayError({
    status: error.status ?? 0,
    names: namesOf(said, message),
    message,
    // What LiteLLM does not put into the header it repeats in the words of the provider behind it.
    retryAfterSeconds:
      parseRetryAfter(error.headers?.get('retry-after')) ??
      parseRetryAfter(/retryDelay\W+([\d.]+)s/.exec(message)?.[1]),
    cause: error,
  })
}

/** The code, where it is not just the status again; LiteLLM's class of error, which leads its message; the type. */
function namesOf(said: z.output<typeof errorSchema> | undefined, message: string): string[] {
  const code = String(said?.code ?? '')
  const [, litellm] = /^litellm\.(\w+)/.exec(message) ?? []
  return [/^\d*$/.test(code) ? '' : code, litellm, said?.type].filter((name): name is string => Boolean(name))
}
