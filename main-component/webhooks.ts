/** Sends the webhooks that are due, while main runs. */
import type { Logger } from 'pino'
import type { AppConfig } from '../config/schema.js'
import type { IAggregatedIntegration } from '../integrations/index.js'
import { unlessAborted, withTimeout } from '../lib/abort.js'
import { type ConnectionOptions, ForbiddenUrlError, postChecked } from '../lib/checked-http.js'
import { allowedAddresses } from '../lib/public-url.js'
import { parseRetryAfter } from '../lib/retry-after.js'
import { webhookHeaders } from '../lib/standard-webhooks.js'
import { type DueWebhook, type DueWebhooks, type WebhookOutcome, webhookUrlProblem } from '../tasks/webhooks.js'

export interface WebhooksOptions {
  integrations: Pick<IAggregatedIntegration, 'getIntegrations'>
  webhooks: AppConfig['components']['main']['webhooks']
  logger: Logger
  /** Aborted when main stops. */
  stopping: AbortSignal
  /** How names are resolved. Default: as the system does. */
  lookup?: ConnectionOptions['lookup']
}

/** Of one integration. */
const AT_ONCE = 10
/** For the receiver's answer. Below the lease. */
const TIMEOUT_MS = 10_000
/** At the latest: for what another main left undone since. What ends here is sent at once, what is known to be due then. */
const LOOK_EVERY_MS = 30_000
/** Another main may be claiming what is due now. */
const BETWEEN_LOOKS_MS = 20
const AFTER_FAILURE_MS = 5_000
const MAX_REASON_LENGTH = 200

/** Starts sending; resolves once `stopping` has ended it. What is being sent then is sent again after its lease. */
export async function keepDelivering(options: WebhooksOptions): Promise<void> {
  const queues = options.integrations.getIntegrations().flatMap(({ namespace, integration }) => {
    const queue = integration.webhooks?.()
    return queue ? [deliverThose(queue, namespace, options)] : []
  })
  await Promise.all(queues)
}

/** Each integration's on its own, so that none waits for another's receivers. */
async function deliverThose(queue: DueWebhooks, namespace: string, options: WebhooksOptions): Promise<void> {
  const { stopping, logger } = options
  const underWay = new Set<Promise<void>>()
  let isFailing = false
  while (!stopping.aborted) {
    const seen = queue.due.count
    const free = AT_ONCE - underWay.size
    let claimed: DueWebhook[] = []
    let pauseMs = AFTER_FAILURE_MS
    try {
      const dueInMs = 1000 * (await unlessAborted(queue.dueInSeconds(), stopping))
      if (dueInMs <= 0) claimed = await unlessAborted(queue.claim(free), stopping)
      pauseMs = Math.min(Math.max(dueInMs, BETWEEN_LOOKS_MS), LOOK_EVERY_MS)
      isFailing = false
    } catch (error) {
      if (!stopping.aborted && !isFailing) logger.warn({ err: error, namespace }, 'webhooks cannot be sent for now')
      isFailing = true
    }
    for (const webhook of claimed) {
      const sending = deliver(webhook, namespace, options).finally(() => underWay.delete(sending))
      underWay.add(sending)
    }
    if (claimed.length === free) await Promise.race(underWay)
    else await queue.due.next(seen, pauseMs, stopping)
  }
  await Promise.all(underWay)
}

async function deliver(webhook: DueWebhook, namespace: string, options: WebhooksOptions): Promise<void> {
  const { logger, stopping } = options
  const { taskKey, tries } = webhook
  try {
    const outcome = await send(webhook, options)
    const noted = await webhook.note(outcome)
    const line = { namespace, taskKey, tries, ...(!outcome.delivered && { code: outcome.reason.code }) }
    if (noted === 'webhookDelivered') logger.info(line, 'webhook delivered')
    else if (noted === 'webhookGivenUp') logger.warn(line, 'webhook given up')
    else if (noted === 'webhookFailed') logger.info(line, 'webhook not delivered, will retry')
  } catch (error) {
    if (!stopping.aborted) logger.warn({ err: error, namespace, taskKey }, 'webhook will be sent again')
  }
}

/** @throws the signal's reason, if main stops */
async function send(
  { id, url: text, body }: DueWebhook,
  { webhooks: { secret, previousSecret, privateHosts }, stopping, lookup }: WebhooksOptions,
): Promise<WebhookOutcome> {
  const secrets = [secret, previousSecret].filter((one) => one !== undefined)
  if (secrets.length === 0) return failed('no_secret', 'Main has no secret to sign it with')
  // The application may have written it without asking.
  const url = URL.canParse(text) ? new URL(text) : undefined
  const problem = url ? webhookUrlProblem(url, privateHosts) : 'cannot be read'
  if (!url || problem) return failed('url_not_allowed', `The URL ${problem}`)
  const headers = webhookHeaders(secrets, { id, timestamp: Math.floor(Date.now() / 1000), body })
  const connection = { mayConnectTo: allowedAddresses({ userUrlHosts: privateHosts }), ...(lookup && { lookup }) }
  try {
    const response = await withTimeout(TIMEOUT_MS, [stopping], (signal) =>
      postChecked(url, { headers, body }, signal, connection),
    )
    // Only the status counts.
    response.destroy()
    const { statusCode = 0 } = response
    if (statusCode >= 200 && statusCode < 300) return { delivered: true }
    const mayAsk = statusCode === 429 || statusCode === 503
    const retryAfterSeconds = mayAsk ? parseRetryAfter(response.headers['retry-after']) : undefined
    const refusal = failed(`http_${statusCode}`, `${url.host} answered ${statusCode}`)
    return { ...refusal, gone: statusCode === 410, retryAfterSeconds }
  } catch (error) {
    stopping.throwIfAborted()
    if (error instanceof ForbiddenUrlError) return failed(error.code, error.message)
    return failed('unreachable', `${url.host} did not answer: ${(error as Error).message}`)
  }
}

function failed(code: string, message: string) {
  return { delivered: false as const, reason: { code, message: message.slice(0, MAX_REASON_LENGTH) } }
}
