/**
 * The callback address by which a provider tells that its task has changed. Providers do not sign what they send, so
 * the address itself is signed, and a call is only a hint to poll: its content is not trusted.
 */
import { createHmac } from 'node:crypto'
import { isSame } from '../lib/bearer-token.js'
import { buildAPIPath, urlBelow } from './names.js'

export const PROVIDER_CALLBACK = 'providerCallback'

export interface CallbackOf {
  namespace: string
  /** The task's key, as addresses outside the application never show the row's id. */
  taskKey: string
  attempt: number
}

/**
 * @param baseUrl where the provider reaches main
 * @param reportUrl where the task's runs report, within the integration's own namespace
 */
export function providerCallbackUrl(
  baseUrl: string,
  secret: string,
  reportUrl: string,
  of: Omit<CallbackOf, 'namespace'>,
): string {
  const namespace = new URL(reportUrl).pathname.split('/').at(-2) ?? ''
  const { taskKey, attempt } = of
  const signature = sign(secret, { taskKey, attempt, namespace })
  return urlBelow(baseUrl, `${buildAPIPath(namespace, PROVIDER_CALLBACK)}/${taskKey}/${attempt}/${signature}`)
}

/** A path as it may be logged: whoever has a callback's signature can call back. */
export function withoutSignature(path: string): string {
  return path.replace(SIGNED, '$1[signature]')
}

/** Any number of segments, so that anything in the signature's place is left out too. */
const SIGNED = new RegExp(`(/${PROVIDER_CALLBACK}/[^/]*/[^/]*/).+`, 'i')

/** Compares in constant time. */
export function isCallbackSignature(secrets: readonly string[], call: CallbackOf, signature: string): boolean {
  return secrets.some((secret) => isSame(signature, sign(secret, call)))
}

function sign(secret: string, { namespace, taskKey, attempt }: CallbackOf): string {
  const signed = ['provider-callback', namespace, taskKey, attempt].join(':')
  return createHmac('sha256', secret).update(signed).digest('base64url')
}
