/** What the providers' errors mean. Names decide before statuses, because neither provider offers a lookup. */
import { z } from 'zod'
import { parseRetryAfter } from '../../lib/retry-after.js'
import type { ErrorTable, ReadError } from '../../provider-kit/provider/error-table.js'
import { ProviderError } from '../../provider-kit/provider/errors.js'
import { unitsOf } from '../../provider-kit/provider/units.js'
import { type GeneratedImages, unitsUsed } from './schemas.js'

/** Somebody has to add money, or to raise a limit, which takes time. */
const UNPAID_PAUSE_SECONDS = 3600
/** A daily quota. The default of five attempts lasts that long. */
const DAILY_QUOTA_PAUSE_SECONDS = 6 * 3600

/** Names of LiteLLM and similar gateways; in capitals, of https://ai.google.dev/gemini-api/docs/troubleshooting. */
export const ERRORS: ErrorTable = [
  [/content.?policy|content.?filter|moderation/i, 'refused'],
  { status: 402, kind: 'unavailable', minPauseSeconds: UNPAID_PAUSE_SECONDS },
  {
    code: /insufficient.?quota|budget.?exceeded|payment.?required|billing/i,
    kind: 'unavailable',
    minPauseSeconds: UNPAID_PAUSE_SECONDS,
  },
  { words: /PerDay/, status: 429, kind: 'unavailable', minPauseSeconds: DAILY_QUOTA_PAUSE_SECONDS },
  [/rate.?limit|throttling|quota/i, 'unavailable'],
  // A plain 503 may come from a proxy that lost the answer; these say that the model accepted nothing.
  [/overloaded|ServiceUnavailable|^RESOURCE_EXHAUSTED$|^UNAVAILABLE$/i, 'unavailable'],
  { words: /model is overloaded|\bUNAVAILABLE\b/, status: [500, 503], kind: 'unavailable' },
  [/^(INTERNAL|DEADLINE_EXCEEDED|CANCELLED|ABORTED|UNKNOWN|DATA_LOSS)$/, 'ambiguous'],
]

const detailsSchema = z.object({
  error: z.object({
    details: z.array(
      z.object({
        retryDelay: z.string().nullish(),
        violations: z.array(z.object({ quotaId: z.string().nullish() })).nullish(),
      }),
    ),
  }),
})

/** What is particular: LiteLLM's message begins with the error's class; Gemini's details contain the delay. */
export const readError: ReadError = (body, { names, message, retryAfterSeconds }) => {
  const details = detailsSchema.safeParse(body).data?.error.details ?? []
  const told = details.flatMap(({ retryDelay }) => retryDelay ?? [])[0]?.replace(/s$/, '')
  const quotas = details.flatMap(({ violations }) => violations ?? []).flatMap(({ quotaId }) => quotaId ?? [])
  const [, litellm] = /^litellm\.(\w+)/.exec(message) ?? []
  return {
    names: [...(litellm ? [litellm] : []), ...names],
    details: quotas.join(' '),
    // If LiteLLM sends no header, it repeats the delay in the message of the provider behind it.
    retryAfterSeconds:
      parseRetryAfter(told) ?? retryAfterSeconds ?? parseRetryAfter(/retryDelay\W+([\d.]+)s/.exec(message)?.[1]),
  }
}

/** Reasons to end without an image after which another try may succeed. Any other would occur again. */
const WORTH_ANOTHER_TRY = /^(NO_IMAGE|IMAGE_OTHER|OTHER|STOP|FINISH_REASON_UNSPECIFIED)$/i

/** A complete answer without an image. */
export function noImageError(
  reason: string | null | undefined,
  said: string | null | undefined,
  usage: GeneratedImages['usage'],
): ProviderError {
  // The answer ended normally, with text only.
  const code = !reason || /^(stop|FINISH_REASON_UNSPECIFIED)$/i.test(reason) ? 'NO_IMAGE' : reason
  const message = `No image was made${reason ? ` (${reason})` : ''}${said ? `: ${said}` : ''}`
  const units = unitsOf(() => unitsUsed({ images: [], usage }))
  return new ProviderError(message, { code, kind: WORTH_ANOTHER_TRY.test(code) ? 'ended' : 'refused', units })
}
