/** Downloads results from the provider's links. */
import type { IncomingMessage } from 'node:http'
import { ApplicationFailure } from '@temporalio/activity'
import { followingSignal } from '../../lib/abort.js'
import { type ConnectionOptions, ForbiddenUrlError, getChecked } from '../../lib/checked-http.js'
import { hostOf, isPublicAddress } from '../../lib/public-url.js'
import { collectBytes, mayPass } from './http-content.js'

/** An object store's error takes some hundred bytes. */
const MAX_REASON_BYTES = 4096
const LINK_EXPIRED = 'download_link_expired'

export interface DownloadLimits {
  /** The longest silence: a connection may be half open. */
  stallMs: number
  /** For the whole download. */
  timeoutMs: number
}

/** The settings that say where a provider's links may lead. */
interface LinkSource {
  baseUrl: string
  simulated: boolean
  /** Hosts in private networks. */
  downloadHosts?: readonly string[]
}

/**
 * Where a provider's links and their redirects may lead: to public addresses, to the provider's own origin, and to the
 * configured hosts; those of a simulator may lead anywhere.
 */
export function linksOf({ baseUrl, simulated, downloadHosts = [] }: LinkSource): ConnectionOptions {
  const { origin } = new URL(baseUrl)
  const isTrusted = (url: URL) => simulated || url.origin === origin || downloadHosts.includes(hostOf(url))
  return { mayConnectTo: (address, url) => isTrusted(url) || isPublicAddress(address) }
}

/**
 * Streams a file. No error repeats the link, because it is signed.
 *
 * Throws an `ApplicationFailure`: `download_link_expired`, retryable, if the provider has to be asked for the link
 * again; `download_not_allowed`, non-retryable, if the link or a redirect leads to a forbidden address;
 * `download_failed`, retryable unless the same request would be refused again. A body that ends early is a failure.
 *
 * @param where which addresses may be connected to. Default: public ones
 */
export async function* download(
  url: string,
  limits: DownloadLimits,
  signal: AbortSignal,
  where: ConnectionOptions = {},
): AsyncGenerator<Uint8Array> {
  const { controller, release } = followingSignal(signal)
  const giveUp = (message: string) => () => controller.abort(failed(message))
  const stalled = giveUp(`Nothing came of the download for ${limits.stallMs} ms`)
  const overdue = setTimeout(giveUp(`The download was not done within ${limits.timeoutMs} ms`), limits.timeoutMs)
  let silence = setTimeout(stalled, limits.stallMs)
  try {
    const { response } = await getChecked(url, controller.signal, where)
    if (response.statusCode !== 200) throw await answerFailure(response)
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      // The time that the receiver takes is not the sender's silence.
      clearTimeout(silence)
      yield chunk
      silence = setTimeout(stalled, limits.stallMs)
    }
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason
    if (error instanceof ApplicationFailure) throw error
    if (error instanceof ForbiddenUrlError) throw notAllowed(error)
    throw failed(`The download broke off: ${error instanceof Error ? error.message : error}`)
  } finally {
    clearTimeout(silence)
    clearTimeout(overdue)
    release()
  }
}

/** Whether the link has expired, so that the provider has to be asked for it again. */
export function isLinkExpired(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === LINK_EXPIRED
}

/** Downloads a small file as a whole. Throws as `download` does; past `maxBytes` `download_failed`, non-retryable. */
export function downloadBytes(
  url: string,
  maxBytes: number,
  limits: DownloadLimits,
  signal: AbortSignal,
  where: ConnectionOptions = {},
): Promise<Uint8Array> {
  const tooLarge = () => failed(`The download is larger than ${maxBytes} bytes`, true)
  return collectBytes(download(url, limits, signal, where), maxBytes, tooLarge)
}

async function answerFailure(response: IncomingMessage): Promise<ApplicationFailure> {
  const status = response.statusCode ?? 0
  const { code, message } = await reasonOf(response)
  const said = [status, code && `${code}:`, message].filter(Boolean).join(' ').replace(/:$/, '')
  // Object stores use different statuses for that.
  const expired = [403, 404, 410].includes(status) || code === 'AccessDenied' || /expired/i.test(`${code} ${message}`)
  if (expired) return ApplicationFailure.retryable(`The link has expired (${said})`, LINK_EXPIRED)
  return failed(`The download answered ${said}`, !mayPass(status))
}

/** An object store's code and message, from its XML. The rest of the XML may repeat the signature. */
async function reasonOf(response: AsyncIterable<Uint8Array>): Promise<{ code: string; message: string }> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MAX_REASON_BYTES) break
  }
  const tag = (name: string) => new RegExp(`<${name}>([^<]{1,200})</${name}>`).exec(text)?.[1] ?? ''
  return { code: tag('Code'), message: tag('Message') }
}

function failed(message: string, forGood = false): ApplicationFailure {
  return ApplicationFailure.create({ type: 'download_failed', message, nonRetryable: forGood })
}

function notAllowed({ code, message }: ForbiddenUrlError): ApplicationFailure {
  if (code === 'too_many_redirects') return failed(`The download cannot be followed: ${message}`, true)
  const remedy = "if results are kept there, add its host to downloadHosts in the integration's section"
  return ApplicationFailure.nonRetryable(`The download was not made: ${message}; ${remedy}`, 'download_not_allowed')
}
