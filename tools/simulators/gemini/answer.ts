/** The answers of `generateContent`. A 200 need not carry an image. */
import { randomUUID } from 'node:crypto'

interface Part {
  text?: string
  inlineData?: { mimeType: string; data: string }
  /** An intermediate draft, which is no part of the answer. */
  thought?: true
}

const IMAGE_TOKENS = 1120

export function newResponseId(): string {
  return `simulated-${randomUUID()}`
}

/** The prompt was blocked: there is no candidate, and nothing was made. */
export function blocked(id: string, model: string, prompt: string, blockReason: string) {
  return {
    promptFeedback: { blockReason },
    usageMetadata: { promptTokenCount: prompt.length, totalTokenCount: prompt.length },
    modelVersion: model,
    responseId: id,
  }
}

/** It ended without an image. */
export function withoutImage(id: string, model: string, prompt: string, finishReason: string) {
  const parts = finishReason === 'STOP' || finishReason === 'NO_IMAGE' ? [{ text: 'Here is what it looks like.' }] : []
  const finishMessage = finishReason === 'STOP' ? undefined : `Unable to show the generated image: ${finishReason}`
  return answer(id, model, prompt, { parts, finishReason, finishMessage, imageTokens: 0 })
}

/** @param draft an intermediate image, if thoughts were requested */
export function withImage(id: string, model: string, prompt: string, image: Uint8Array, draft?: Uint8Array) {
  const parts: Part[] = [
    ...(draft ? [{ ...inline(draft), thought: true as const }] : []),
    { text: 'A simulated picture.' },
    inline(image),
  ]
  return answer(id, model, prompt, { parts, finishReason: 'STOP', imageTokens: IMAGE_TOKENS })
}

function answer(
  id: string,
  model: string,
  prompt: string,
  made: { parts: Part[]; finishReason: string; finishMessage?: string | undefined; imageTokens: number },
) {
  const { parts, finishReason, finishMessage, imageTokens } = made
  const content = { role: 'model', ...(parts.length > 0 && { parts }) }
  return {
    candidates: [{ index: 0, content, finishReason, ...(finishMessage && { finishMessage }) }],
    usageMetadata: {
      promptTokenCount: prompt.length,
      candidatesTokenCount: imageTokens,
      totalTokenCount: prompt.length + imageTokens,
      candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: imageTokens }],
    },
    modelVersion: model,
    responseId: id,
  }
}

function inline(image: Uint8Array): Part {
  return { inlineData: { mimeType: 'image/png', data: Buffer.from(image).toString('base64') } }
}
