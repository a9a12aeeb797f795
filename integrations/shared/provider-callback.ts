/**
 * The address that a provider is given to tell that a task of it has moved on. Providers do not sign what they
 * send, so the address itself is signed, and what is sent is only a hint to look: nothing of it is believed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { buildAPIPath, urlBelow } from './names.js'

export const PROVIDER_CALLBACK = 'providerCallback'

export interface CallbackOf {
  namespace: string
  apiCallId: string
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
  const call = { ...of, namespace }
  const { apiCallId, attempt } = call
  const path = `${buildAPIPath(namespace, PROVIDER_CALLBACK)}/${apiCallId}/${attempt}/${sign(secret, call)}`
  return urlBelow(baseUrl, path)
}

/** Takes as long whatever the signature is. */
export function isCallbackSignature(secrets: readonly string[], call: CallbackOf, signature: string): boolean {
  const given = Buffer.from(signature)
  return secrets.some((secret) => {
    const expected = Buffer.from(sign(secret, call))
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

function sign(secret: string, { namespace, apiCallId, taskKey, attempt }: CallbackOf): string {
  const signed = ['provider-callback', namespace, apiCallId, taskKey, attempt].join(':')
  return createHmac('sha256', secret).update(signed).digest('base64url')
}
