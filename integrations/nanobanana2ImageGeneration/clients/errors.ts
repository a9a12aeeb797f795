/**
 * What the providers' errors mean: tables that are read from the top, where the first row that fits decides. Names
 * come before statuses. What no row fits is `ambiguous`: an image may have been made and charged for, and neither
 * provider can be asked whether it was.
 */

import type { FailureKind } from '../../../protocol/failure-details.js'
import { ProviderError } from '../../../provider-kit/provider/errors.js'

/** Money has to be paid in, or a limit raised: somebody's work, not a matter of seconds. */
const UNPAID_PAUSE_SECONDS = 3600
/** Comes back once a day. The five attempts that a task has by default reach that far. */
const DAILY_QUOTA_PAUSE_SECONDS = 6 * 3600

interface ErrorRow {
  /** Fits one of the names that the provider gives the error: its code, type, class or status. */
  name?: RegExp
  /** Fits what it says beside that. */
  words?: RegExp
  /** The HTTP statuses, from and to. */
  status?: readonly [number, number]
  kind: FailureKind
  /** The least pause, however short the one that the provider asks for. */
  pauseSeconds?: number
}

/** LiteLLM, and gateways like it. */
const GATEWAY_ERRORS: readonly ErrorRow[] = [
  { name: /content.?policy|content.?filter|moderation/i, kind: 'refused' },
  {
    name: /insufficient.?quota|budget.?exceeded|payment.?required|billing/i,
    kind: 'unavailable',
    pauseSeconds: UNPAID_PAUSE_SECONDS,
  },
  { status: [402, 402], kind: 'unavailable', pauseSeconds: UNPAID_PAUSE_SECONDS },
  { words: /PerDay/, status: [429, 429], kind: 'unavailable', pauseSeconds: DAILY_QUOTA_PAUSE_SECONDS },
  { name: /rate.?limit|throttling|quota/i, kind: 'unavailable' },
  { status: [429, 429], kind: 'unavailable' },
  // A bare 503 may come of a proxy that lost the answer; these say that the model took nothing on.
  { name: /overloaded|ServiceUnavailable/i, kind: 'unavailable' },
  { words: /model is overloaded|\bUNAVAILABLE\b/, status: [500, 503], kind: 'unavailable' },
  { status: [408, 408], kind: 'ambiguous' },
  { status: [300, 499], kind: 'refused' },
]

/** https://ai.google.dev/gemini-api/docs/troubleshooting */
const GEMINI_ERRORS: readonly ErrorRow[] = [
  { status: [402, 402], kind: 'unavailable', pauseSeconds: UNPAID_PAUSE_SECONDS },
  { name: /^RESOURCE_EXHAUSTED$/, words: /PerDay/, kind: 'unavailable', pauseSeconds: DAILY_QUOTA_PAUSE_SECONDS },
  { name: /^(RESOURCE_EXHAUSTED|UNAVAILABLE)$/, kind: 'unavailable' },
  {
    name: /^(INVALID_ARGUMENT|FAILED_PRECONDITION|OUT_OF_RANGE|UNAUTHENTICATED|PERMISSION_DENIED|NOT_FOUND|UNIMPLEMENTED)$/,
    kind: 'refused',
  },
  { name: /^(INTERNAL|DEADLINE_EXCEEDED|CANCELLED|ABORTED|UNKNOWN|DATA_LOSS)$/, kind: 'ambiguous' },
  { status: [429, 429], kind: 'unavailable' },
  { status: [408, 408], kind: 'ambiguous' },
  { status: [300, 499], kind: 'refused' },
]

/** An error as a provider answered it. */
export interface AnsweredError {
  status: number
  /** The first is the code that the task gets to see. */
  names: string[]
  message: string
  /** What the table's `words` are looked for in, beyond the message. */
  details?: string
  retryAfterSeconds?: number | undefined
  cause?: unknown
}

export const gatewayError = (error: AnsweredError) => toProviderError(GATEWAY_ERRORS, error)
export const geminiError = (error: AnsweredError) => toProviderError(GEMINI_ERRORS, error)

function toProviderError(rows: readonly ErrorRow[], error: AnsweredError): ProviderError {
  const { status, names, message, details = '', cause } = error
  const row = rows.find(
    ({ name, words, status: [from, to] = [0, Number.POSITIVE_INFINITY] }) =>
      status >= from &&
      status <= to &&
      (!name || names.some((given) => name.test(given))) &&
      (!words || words.test(`${message} ${details}`)),
  )
  const asked = error.retryAfterSeconds
  const retryAfterSeconds = row?.pauseSeconds ? Math.max(row.pauseSeconds, asked ?? 0) : asked
  return new ProviderError(message, {
    code: names[0] ?? `http_${status}`,
    kind: row?.kind ?? 'ambiguous',
    retryAfterSeconds,
    cause,
  })
}

/** Reasons to end without an image that another try may not meet. Any other would be met again. */
const WORTH_ANOTHER_TRY = /^(NO_IMAGE|IMAGE_OTHER|OTHER|STOP|FINISH_REASON_UNSPECIFIED)$/i

/** A whole answer, with no image in it. */
export function noImageError(reason: string | undefined, said: string | undefined): ProviderError {
  // An answer that ended well, in words alone.
  const code = !reason || /^(stop|FINISH_REASON_UNSPECIFIED)$/i.test(reason) ? 'NO_IMAGE' : reason
  const message = `No image was made${reason ? ` (${reason})` : ''}${said ? `: ${said}` : ''}`
  return new ProviderError(message, {
    code,
    kind: WORTH_ANOTHER_TRY.test(code) ? 'ended' : 'refused',
  })
}
