/** What the providers' errors mean. Names come before statuses: neither provider can be asked what it has made. */
import { z } from 'zod'
import { parseRetryAfter } from '../../lib/retry-after.js'
import type { ErrorTable, ReadError } from '../../provider-kit/provider/error-table.js'
import { ProviderError } from '../../provider-kit/provider/errors.js'

/** Money has to be paid in, or a limit raised: somebody's work, not a matter of seconds. */
const UNPAID_PAUSE_SECONDS = 3600
/** Comes back once a day. The five attempts that a task has by default reach that far. */
const DAILY_QUOTA_PAUSE_SECONDS = 6 * 3600

/** Of LiteLLM, and gateways like it; and of https://ai.google.dev/gemini-api/docs/troubleshooting, in capitals. */
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
  // A bare 503 may come of a proxy that lost the answer; these say that the model took nothing on.
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

/** What is said beside the usual: LiteLLM's class of error leads its message; Gemini has its delay in the details. */
export const readError: ReadError = (body, { names, message, retryAfterSeconds }) => {
  const details = detailsSchema.safeParse(body).data?.error.details ?? []
  const told = details.flatMap(({ retryDelay }) => retryDelay ?? [])[0]?.replace(/s$/, '')
  const quotas = details.flatMap(({ violations }) => violations ?? []).flatMap(({ quotaId }) => quotaId ?? [])
  const [, litellm] = /^litellm\.(\w+)/.exec(message) ?? []
  return {
    names: [...(litellm ? [litellm] : []), ...names],
    details: quotas.join(' '),
    // What LiteLLM does not put into the header it repeats in the words of the provider behind it.
    retryAfterSeconds:
      parseRetryAfter(told) ?? retryAfterSeconds ?? parseRetryAfter(/retryDelay\W+([\d.]+)s/.exec(message)?.[1]),
  }
}

/** Reasons to end without an image that another try may not meet. Any other would be met again. */
const WORTH_ANOTHER_TRY = /^(NO_IMAGE|IMAGE_OTHER|OTHER|STOP|FINISH_REASON_UNSPECIFIED)$/i

/** A whole answer, with no image in it. */
export function noImageError(reason: string | null | undefined, said: string | null | undefined): ProviderError {
  // An answer that ended well, in words alone.
  const code = !reason || /^(stop|FINISH_REASON_UNSPECIFIED)$/i.test(reason) ? 'NO_IMAGE' : reason
  const message = `No image was made${reason ? ` (${reason})` : ''}${said ? `: ${said}` : ''}`
  return new ProviderError(message, { code, kind: WORTH_ANOTHER_TRY.test(code) ? 'ended' : 'refused' })
}
