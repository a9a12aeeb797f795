/** Images by Gemini's own API. https://ai.google.dev/api/generate-content */
import { z } from 'zod'
import { ProviderError } from '../../provider-kit/provider/errors.js'
import type { ProviderHttp } from '../../provider-kit/provider/http.js'
import { noImageError } from './errors.js'
import type { InlineImage } from './reference-images.js'
import type { GeneratedImages, ImageRequest } from './schemas.js'

const partSchema = z.object({
  text: z.string().nullish(),
  inlineData: z.object({ data: z.string() }).nullish(),
  /** An intermediate draft, as text or as an image. */
  thought: z.boolean().nullish(),
})
const count = z.number().nullish()
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
        promptTokenCount: count,
        candidatesTokenCount: count,
        thoughtsTokenCount: count,
        totalTokenCount: count,
      })
      .nullish(),
  })
  // Each is optional, but an answer without any of them is not Gemini's.
  .refine(({ candidates, promptFeedback, usageMetadata }) => candidates ?? promptFeedback ?? usageMetadata)

export function toGeminiBody({ prompt, aspectRatio, imageSize }: ImageRequest, references: InlineImage[]): object {
  return {
    contents: [{ role: 'user', parts: [{ text: prompt }, ...references.map((inlineData) => ({ inlineData }))] }],
    generationConfig: {
      responseModalities: ['TEXT', 'IMAGE'],
      ...((aspectRatio || imageSize) && { imageConfig: { aspectRatio, imageSize } }),
    },
  }
}

export async function askGemini(http: ProviderHttp, body: object, model: string): Promise<GeneratedImages> {
  const answer = await http.post(`/models/${encodeURIComponent(model)}:generateContent`, body, answerSchema)
  const { candidates, promptFeedback, usageMetadata } = answer
  const usage = {
    promptTokens: usageMetadata?.promptTokenCount ?? undefined,
    completionTokens: sum(usageMetadata?.candidatesTokenCount, usageMetadata?.thoughtsTokenCount),
    totalTokens: usageMetadata?.totalTokenCount ?? undefined,
  }
  const parts = (candidates ?? []).flatMap(({ content }) => content?.parts ?? []).filter(({ thought }) => !thought)
  const images = parts.flatMap(({ inlineData }) => (inlineData ? Buffer.from(inlineData.data, 'base64') : []))
  const text = parts
    .flatMap((part) => part.text ?? [])
    .join('\n')
    .trim()
  if (images.length === 0) {
    const { blockReason: code, blockReasonMessage } = promptFeedback ?? {}
    if (code)
      throw new ProviderError(`The prompt was refused: ${blockReasonMessage ?? code}`, { code, kind: 'refused' })
    const [first] = candidates ?? []
    throw noImageError(first?.finishReason, first?.finishMessage ?? text, usage)
  }
  return {
    images,
    model: answer.modelVersion ?? model,
    ...(text && { text }),
    usage,
  }
}

/** Undefined if nothing is known. */
function sum(...counts: Array<number | null | undefined>): number | undefined {
  const known = counts.filter((count) => typeof count === 'number')
  return known.length > 0 ? known.reduce((total, count) => total + count, 0) : undefined
}
