/** Signs messages as Standard Webhooks (standardwebhooks.com) defines: HMAC-SHA256 over id, time and body. */
import { createHmac } from 'node:crypto'

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/
const MIN_KEY_BYTES = 24
const MAX_KEY_BYTES = 64

export interface WebhookMessage {
  /** The same for each try, so that the receiver can drop duplicates. Without a full stop, which separates the parts. */
  id: string
  /** Of this try, in whole unix seconds. */
  timestamp: number
  body: string
}

/** Whether a text is a secret: `whsec_`, then 24 to 64 bytes in base64. */
export function isWebhookSecret(text: string): boolean {
  const { length } = keyOf(text)
  return length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES
}

/** The headers of a message, with one signature for each secret: during a rotation receivers accept either. */
export function webhookHeaders(
  secrets: readonly string[],
  { id, timestamp, body }: WebhookMessage,
): Record<string, string> {
  const signed = `${id}.${timestamp}.${body}`
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', keyOf(secret)).update(signed).digest('base64')}`,
  )
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}

function keyOf(secret: string): Buffer {
  return Buffer.from(SECRET.exec(secret)?.[1] ?? '', 'base64')
}
