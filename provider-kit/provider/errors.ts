import { ApplicationFailure, Context } from '@temporalio/activity'
import { msToNumber } from '@temporalio/common/lib/time.js'
import { backoff } from '../../lib/backoff.js'
import { redactThrown, redactValue } from '../../lib/redaction.js'
import type { FailureDetails, FailureKind } from '../../protocol/failure-details.js'
import type { Units } from '../../protocol/messages.js'
import type { ActivityContext } from '../activity-context.js'
import type { ProviderEndpoint } from './config.js'
import { keyRedactor } from './key-redactor.js'

/** Providers' messages often repeat the request. */
const MAX_MESSAGE_LENGTH = 2000

/** A failed request to a provider, with the provider's own code and message. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly code: string
  readonly kind: FailureKind
  readonly retryAfterSeconds: number | undefined
  /** What is charged for all the same. */
  units: Units | undefined

  constructor(
    message: string,
    options: {
      code: string
      kind: FailureKind
      retryAfterSeconds?: number | undefined
      units?: Units | undefined
      cause?: unknown
    },
  ) {
    super(message, { cause: options.cause })
    this.code = options.code
    this.kind = options.kind
    this.retryAfterSeconds = options.retryAfterSeconds
    this.units = options.units
  }

  get retryable(): boolean {
    return this.kind !== 'refused'
  }
}

/** A part of a key, as OpenAI shows it. */
const MASKED_KEY = /\bsk-[\w*.-]+/g

/**
 * The only way by which a provider's texts leave an activity. Its error goes to the workflow as an
 * `ApplicationFailure` with the provider's code. Temporal stores that, so the key, which providers may repeat anywhere
 * in their answers, and a `ProviderError`'s cause are removed.
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
    const { kind, retryAfterSeconds, retryable, units } = error
    const withoutKey = (said: string) => redact(said).replace(MASKED_KEY, '[key]')
    const { simulatorCommand } = endpoint
    const hint = simulatorCommand && neverSent(error) ? `. The simulator does not run: ${simulatorCommand}` : ''
    const details: FailureDetails = {
      kind,
      retryAfterSeconds,
      ...((kind === 'refused' || kind === 'ended') && { providerEnded: true }),
      ...(units && { units }),
    }
    throw ApplicationFailure.create({
      // Truncate last: half of a key would not be recognised.
      message: withoutKey(error.message + hint).slice(0, MAX_MESSAGE_LENGTH),
      type: withoutKey(error.code),
      nonRetryable: !retryable,
      details: [details],
      ...(retryAfterSeconds !== undefined && longerRetryDelay(retryAfterSeconds)),
    })
  }
}

/** The delay that the provider asks for, if it is longer than Temporal's own, which grows. */
function longerRetryDelay(askedSeconds: number): { nextRetryDelay?: number } {
  const { attempt, retryPolicy: { initialInterval = 1000, backoffCoefficient = 2, maximumInterval } = {} } =
    Context.current().info
  const max = maximumInterval === undefined ? Number.POSITIVE_INFINITY : msToNumber(maximumInterval)
  const own = backoff({ first: msToNumber(initialInterval), max, factor: backoffCoefficient }, attempt)
  return askedSeconds * 1000 > own ? { nextRetryDelay: askedSeconds * 1000 } : {}
}

/** The shortest time for which nothing is claimed after a provider has refused for lack of capacity. */
const PAUSE_SECONDS = 5

/**
 * As `asActivityFailure`, for a request to create something. If the provider is unavailable, this process claims
 * nothing more for it: for as long as the provider asks, and for a short time at least.
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

/** The message of a failed `fetch`: its innermost cause says what happened. */
export function innermostWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return innermostWords(error.cause)
  // The host has several addresses.
  return error instanceof AggregateError && error.errors.length > 0 ? innermostWords(error.errors[0]) : error.message
}

/** Whether a `fetch` failed before anything was sent, so that it cannot have had an effect. */
export function neverSent(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) {
    const code = 'code' in e ? e.code : undefined
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'UND_ERR_CONNECT_TIMEOUT') {
      return true
    }
  }
  return false
}
