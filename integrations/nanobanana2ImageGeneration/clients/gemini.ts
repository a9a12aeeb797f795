/** Images by Gemini's own API. https://ai.google.dev/api/generate-content */
import { z } from 'zod'
import type { ProviderEndpoint } from '../../../provider-kit/provider/config.js'
import { ProviderError, parseRetryAfter } from '../../../provider-kit/provider/errors.js'
import { type ProviderAnswer, parseJson, readAnswer, requestProvider } from '../../../provider-kit/provider/http.js'
import type { UserUrlChecks } from '../../../provider-kit/provider/user-urls.js'
import { type InlineImage, inlineImages } from '../reference-images.js'
import type { ImageRequest } from '../schemas.js'
import type { GeneratedImages, ImageClient } from './client.js'
import { geminiError, noImageError } from './errors.js'

const partSchema = z.object({
  text: z.string().nullish(),
  inlineData: z.object({ data: z.string() }).nullish(),
  /** A draft on the way, in words or as a picture. */
  thought: z.boolean().nullish(),
})
const answerSchema = z
  .object({
    candidates: z
      .array(
        z.object({
          content: z.object({ parts: z.array(partSchema).nullish() }).nullish(),
          finishReason: z.string().nullish(),
          finishMessage: z.string().nullish(),
        }),
      )
      .nullish(),
    /** Why the prompt itself was refused. */
    promptFeedback: z.object({ blockReason: z.string().nullish(), blockReasonMessage: z.string().nullish() }).nullish(),
    modelVersion: z.string().nullish(),
    usageMetadata: z
      .object({
        promptTokenCount: z.number().nullish(),
        candidatesTokenCount: z.number().nullish(),
        thoughtsTokenCount: z.number().nullish(),
        totalTokenCount: z.number().nullish(),
      })
      .nullish(),
  })
  // Each is optional, but JSON with none of them is not Gemini's.
  .refine(({ candidates, promptFeedback, usageMetadata }) => candidates ?? promptFeedback ?? usageMetadata)

const errorSchema = z.object({
  error: z.object({
    message: z.string().nullish(),
    status: z.string().nullish(),
    details: z
      .array(
        z.object({
          retryDelay: z.string().nullish(),
          violations: z.array(z.object({ quotaId: z.string().nullish() })).nullish(),
        }),
      )
      .nullish(),
  }),
})

export function createGeminiClient(endpoint: ProviderEndpoint, userUrls: UserUrlChecks): ImageClient {
  const path = `/models/${encodeURIComponent(endpoint.model)}:generateContent`
  // In a header, and not in the address: addresses are logged.
  const auth = { 'x-goog-api-key': endpoint.apiKey }
  return {
    async prepare(request, signal) {
      const references = await inlineImages(request.referenceImages ?? [], signal, userUrls)
      const body = toBody(request, references)
      return async (signal) => {
        const answer = await requestProvider(endpoint, 'POST', path, signal, body, auth)
        if (!answer.ok) throw toProviderError(answer)
        return toImages(readAnswer(answerSchema, answer, 'ambiguous'), endpoint.model)
      }
    },
  }
}

function toBody({ prompt, aspectRatio, imageSize }: ImageRequest, references: InlineImage[]) {
  return {
    contents: [{ role: 'user', parts: [{ text: prompt }, ...references.map((inlineData) => ({ inlineData }))] }],
    generationConfig: {
      responseModalities: ['TEXT', 'IMAGE'],
      ...((aspectRatio || imageSize) && { imageConfig: { aspectRatio, imageSize } }),
    },
  }
}

function toImages(answer: z.output<typeof answerSchema>, model: string): GeneratedImages {
  const { candidates, promptFeedback, usageMetadata: usage } = answer
  const parts = (candidates ?? []).flatMap(({ content }) => content?.parts ?? []).filter(({ thought }) => !thought)
  const images = parts.flatMap(({ inlineData }) => (inlineData ? Buffer.from(inlineData.data, 'base64') : []))
  const text = parts
    .flatMap((part) => part.text ?? [])
    .join('\n')
    .trim()
  if (images.length === 0) {
    if (promptFeedback?.blockReason) {
      const message = `The prompt was refused: ${promptFeedback.blockReasonMessage ?? promptFeedback.blockReason}`
      throw new ProviderError(message, { code: promptFeedback.blockReason, kind: 'refused' })
    }
    const [first] = candidates ?? []
    throw noImageError(first?.finishReason ?? undefined, first?.finishMessage ?? (text || undefined))
  }
  return {
    images,
    model: answer.modelVersion ?? model,
    ...(text && { text }),
    usage: {
      promptTokens: usage?.promptTokenCount ?? undefined,
      completionTokens: sum(usage?.candidatesTokenCount, usage?.thoughtsTokenCount),
      totalTokens: usage?.totalTokenCount ?? undefined,
    },
  }
}

/** Undefined where nothing is known. */
function sum(...counts: Array<number | null | undefined>): number | undefined {
  const known = counts.filter((count) => typeof count === 'number')
  return known.length > 0 ? known.reduce((total, count) => total + count, 0) : undefined
}

function toProviderError(answer: ProviderAnswer): ProviderError {
  const said = parseJson(errorSchema, answer.text)?.error
  const delays = (said?.details ?? []).flatMap(({ retryDelay }) => retryDelay ?? [])
  const quotas = (said?.details ?? [])
    .flatMap(({ violations }) => violations ?? [])
    .flatMap(({ quotaId }) => quotaId ?? [])
  return geminiError({
    status: answer.status,
    names: said?.status ? [said.status] : [],
    message: said?.message ?? `Answered ${answer.status}: ${answer.excerpt}`,
    details: quotas.join(' '),
    retryAfterSeconds: parseRetryAfter(delays[0]?.replace(/s$/, '')) ?? parseRetryAfter(answer.retryAfter),
  })
}
