import { ApplicationFailure, Context } from '@temporalio/activity'
import { msToNumber } from '@temporalio/common/lib/time.js'
import { backoff } from '../../lib/backoff.js'
import { redactThrown, redactValue } from '../../lib/redaction.js'
import type { FailureDetails, FailureKind } from '../../protocol/failure-details.js'
import type { ActivityContext } from '../activity-context.js'
import type { ProviderEndpoint } from './config.js'
import { keyRedactor } from './key-redactor.js'

/** Providers like to repeat the request in what they say of it. */
const MAX_MESSAGE_LENGTH = 2000

/** A request to a provider that did not do what was asked, in the provider's own code and words. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly code: string
  readonly kind: FailureKind
  readonly retryAfterSeconds: number | undefined

  constructor(
    message: string,
    options: { code: string; kind: FailureKind; retryAfterSeconds?: number | undefined; cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.code = options.code
    this.kind = options.kind
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get retryable(): boolean {
    return this.kind !== 'refused'
  }
}

/** Half of a key, as OpenAI shows it. */
const MASKED_KEY = /\bsk-[\w*.-]+/g

/**
 * The one way by which a provider's words leave an activity. Its error travels to the workflow as an
 * `ApplicationFailure` of the provider's code. Temporal keeps what travels: the key, which providers like to repeat
 * anywhere in their answers, and a `ProviderError`'s cause stay behind.
 */
export async function asActivityFailure<T>(
  endpoint: Pick<ProviderEndpoint, 'apiKey' | 'simulatorCommand'>,
  request: Promise<T>,
): Promise<T> {
  const redact = keyRedactor(endpoint)
  try {
    return redactValue(await request, redact) as T
  } catch (error) {
    if (!(error instanceof ProviderError)) throw redactThrown(error, redact)
    const { kind, retryAfterSeconds, retryable } = error
    const withoutKey = (said: string) => redact(said).replace(MASKED_KEY, '[key]')
    const { simulatorCommand } = endpoint
    const hint = simulatorCommand && neverSent(error) ? `. The simulator does not run: ${simulatorCommand}` : ''
    const details: FailureDetails = {
      kind,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...((kind === 'refused' || kind === 'ended') && { providerEnded: true }),
    }
    throw ApplicationFailure.create({
      // Cut last: half a key would not be found any more.
      message: withoutKey(error.message + hint).slice(0, MAX_MESSAGE_LENGTH),
      type: withoutKey(error.code),
      nonRetryable: !retryable,
      details: [details],
      ...(retryAfterSeconds !== undefined && longerRetryDelay(retryAfterSeconds)),
    })
  }
}

/** The delay that the provider asks for, where it is longer than Temporal's own would be, which grows. */
function longerRetryDelay(askedSeconds: number): { nextRetryDelay?: number } {
  const { attempt, retryPolicy: { initialInterval = 1000, backoffCoefficient = 2, maximumInterval } = {} } =
    Context.current().info
  const max = maximumInterval === undefined ? Number.POSITIVE_INFINITY : msToNumber(maximumInterval)
  const own = backoff({ first: msToNumber(initialInterval), max, factor: backoffCoefficient }, attempt)
  return askedSeconds * 1000 > own ? { nextRetryDelay: askedSeconds * 1000 } : {}
}

/** For how long at least nothing is claimed where the provider takes no more. */
const PAUSE_SECONDS = 5

/**
 * As `asActivityFailure`, for a request to create something: where the provider takes no more for now, nothing more
 * is claimed for it in this process for as long as it asks, and a little at least.
 */
export async function asCreateFailure<T>(
  { providerPauses }: Pick<ActivityContext, 'providerPauses'>,
  endpoint: Pick<ProviderEndpoint, 'apiKey' | 'simulatorCommand'>,
  request: Promise<T>,
): Promise<T> {
  request.catch((error: unknown) => {
    if (!(error instanceof ProviderError) || error.kind !== 'unavailable') return
    providerPauses.pause(Context.current().info.taskQueue, Math.max(PAUSE_SECONDS, error.retryAfterSeconds ?? 0))
  })
  return asActivityFailure(endpoint, request)
}

/** What a failed `fetch` says: of its causes the innermost knows what happened. */
export function innermostWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return innermostWords(error.cause)
  // A host with several addresses.
  return error instanceof AggregateError && error.errors.length > 0 ? innermostWords(error.errors[0]) : error.message
}

/** Whether a failed `fetch` failed before anything was sent: nobody can have acted on it. */
export function neverSent(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) {
    const code = 'code' in e ? e.code : undefined
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'UND_ERR_CONNECT_TIMEOUT') {
      return true
    }
  }
  return false
}
