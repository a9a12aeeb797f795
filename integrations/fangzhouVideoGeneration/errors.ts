/** What Ark's refusals mean: by its error code, and only where that is not known by the HTTP status. */

import type { FailureKind } from '../../protocol/failure-details.js'
import { ProviderError, parseRetryAfter } from '../../provider-kit/provider/errors.js'
import { type ProviderAnswer, parseJson } from '../../provider-kit/provider/http.js'
import { type ArkTask, errorAnswerSchema } from './answers.js'

/**
 * - `refused`: the same request would be refused again
 * - `busy`: nothing was done; soon it may be
 * - `quota`: nothing was done; in some minutes, or once somebody has raised a limit, it may be
 * - `fault`: nobody knows whether it was done
 */
type Meaning = 'refused' | 'busy' | 'quota' | 'fault'

const KINDS: Record<Meaning, FailureKind> = {
  refused: 'refused',
  busy: 'unavailable',
  quota: 'unavailable',
  fault: 'ambiguous',
}

/** The first that fits counts. */
const CODES: Array<[code: RegExp, meaning: Meaning]> = [
  // Used up by time, by number of waiting tasks, or by what the account allows itself.
  [/^(QuotaExceeded|SetLimitExceeded)/, 'quota'],
  // RateLimitExceeded.EndpointRPMExceeded, AccountRateLimitExceeded, ModelAccountRpmRateLimitExceeded …
  [/RateLimitExceeded|^(ServerOverloaded|RequestBurstTooFast|InflightBatchsizeExceeded|ModelLoadingError)/, 'busy'],
  [/^(InvalidEndpoint\.ClosedEndpoint|ContentSecurityDetectionError)/, 'busy'],
  // Moderation: of the text, image, video or sound that came in or would come out.
  [/SensitiveContentDetected|RiskDetection$/, 'refused'],
  [/^(MissingParameter|InvalidParameter|InvalidArgumentError|InvalidImageURL)/, 'refused'],
  [/^(AuthenticationError|InvalidAccountStatus|AccountOverdueError|AccessDenied|OperationDenied)/, 'refused'],
  [/^(InvalidEndpointOrModel|ModelNotOpen|UnsupportedModel)/, 'refused'],
  [/^Internal(Service|Server)?Error/, 'fault'],
]

/** Where the provider does not say how long a quota takes to come back. */
const QUOTA_PAUSE_SECONDS = 300

/**
 * The error of an answer that is none of success. Of a request that only reads, or takes something back, every
 * error is `unavailable`: a wrong key, say, tells nothing of the task, which goes on and is paid for.
 */
export function answerError(answer: ProviderAnswer, purpose: 'create' | 'read'): ProviderError {
  const { code, message } = errorOf(answer)
  const meaning = meaningOf(code) ?? meaningOfStatus(answer.status)
  return new ProviderError(message, {
    code,
    kind: purpose === 'create' ? KINDS[meaning] : 'unavailable',
    retryAfterSeconds: parseRetryAfter(answer.retryAfter) ?? (meaning === 'quota' ? QUOTA_PAUSE_SECONDS : undefined),
  })
}

/** Whether the answer says that there is no such task. A 404 of another address, or of a model, does not. */
export function isMissingTask(answer: ProviderAnswer): boolean {
  const { code } = errorOf(answer)
  return answer.status === 404 && /NotFound/.test(code) && !/Endpoint|Model/.test(code)
}

/** Whether the answer says that the task cannot be cancelled in its present state. */
export function isTooLate(answer: ProviderAnswer): boolean {
  return answer.status === 409 || errorOf(answer).code.startsWith('InvalidAction')
}

/** Why a task has ended without a video, and whether another try may end better. */
export function taskFailure(task: ArkTask): { error?: { code: string; message: string }; retryable: boolean } {
  const { code, message } = task.error ?? task.failure_reason ?? {}
  const meaning = meaningOf(code ?? '')
  return {
    ...((code || message) && { error: { code: code || 'failed', message: message || code || '' } }),
    // What failed for no known reason is left to an operator, what failed for none at all is not.
    retryable:
      task.status === 'expired' || (task.status === 'failed' && (!code || (!!meaning && meaning !== 'refused'))),
  }
}

function meaningOf(code: string): Meaning | undefined {
  return CODES.find(([known]) => known.test(code))?.[1]
}

function meaningOfStatus(status: number): Meaning {
  if (status === 429) return 'busy'
  return status === 408 || status >= 500 ? 'fault' : 'refused'
}

function errorOf({ status, text, excerpt }: ProviderAnswer): { code: string; message: string } {
  const error = parseJson(errorAnswerSchema, text)?.error
  return error
    ? { code: error.code, message: error.message ?? error.code }
    : { code: `HTTP${status}`, message: `Answered ${status}: ${excerpt}` }
}
