/** Fetching what a user's URL names: nothing of the network that only this process can reach. */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { once } from 'node:events'
import { get as getByHttp, type IncomingMessage } from 'node:http'
import { get as getByHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { ApplicationFailure } from '@temporalio/activity'
import { fileTypeFromBuffer } from 'file-type'
import type { FailureDetails } from '../failure.js'
import { withTimeout } from '../following-signal.js'
import { isPublicAddress, urlProblem } from '../public-url.js'
import { collectBytes, mayPass } from './http-content.js'

const MAX_REDIRECTS = 5

export interface SafeFetchLimits {
  media: 'image' | 'video'
  maxBytes: number
  /** For all of it, redirects included. */
  timeoutMs: number
}

export interface SafeFetchOptions {
  /** Which addresses may be connected to. Default: public ones. Others only where a simulator stands in. */
  mayConnectTo?: (address: string) => boolean
  /** How names are resolved. Default: as the system does. */
  lookup?: typeof systemLookup
}

export interface FetchedFile {
  bytes: Uint8Array
  /** By the bytes, whatever the server says. */
  mimeType: string
}

/**
 * Fetches a file that a user named. Each connection, also of a redirect, is made to an address that was checked,
 * so that a name cannot lead elsewhere between check and use.
 *
 * Throws an `ApplicationFailure` that names no more of the URL than its host: of the kind `refused`, non-retryable,
 * `url_not_allowed`, `url_too_large`, `url_not_media` or `url_refused`; of the kind `unavailable`, `url_unavailable`.
 */
export async function safeFetch(
  url: string,
  limits: SafeFetchLimits,
  signal: AbortSignal,
  options: SafeFetchOptions = {},
): Promise<FetchedFile> {
  try {
    return await withTimeout(limits.timeoutMs, [signal], async (soon) => {
      try {
        return await fetchFile(url, limits, soon, options)
      } catch (error) {
        throw soon.aborted ? soon.reason : error
      }
    })
  } catch (error) {
    if (signal.aborted || error instanceof ApplicationFailure) throw error
    const { message } = error as Error
    throw failure('url_unavailable', `The URL could not be fetched: ${message}`, 'unavailable')
  }
}

async function fetchFile(
  url: string,
  { media, maxBytes }: SafeFetchLimits,
  signal: AbortSignal,
  options: SafeFetchOptions,
): Promise<FetchedFile> {
  const { url: found, response } = await follow(url, signal, options)
  const bytes = await collectBytes(response, maxBytes, () =>
    refused('url_too_large', `The file at ${found.host} is larger than ${maxBytes} bytes`),
  )
  const type = await fileTypeFromBuffer(bytes)
  if (!type?.mime.startsWith(`${media}/`)) {
    throw refused('url_not_media', `${found.host} gave ${type?.mime ?? 'no known type of file'}, not ${media}`)
  }
  return { bytes, mimeType: type.mime }
}

async function follow(
  start: string,
  signal: AbortSignal,
  { mayConnectTo = isPublicAddress, lookup = systemLookup }: SafeFetchOptions,
): Promise<{ url: URL; response: IncomingMessage }> {
  let url = parse(start)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const problem = urlProblem(url, mayConnectTo)
    if (problem) throw refused('url_not_allowed', `The URL ${problem}`)
    const response = await get(url, checkedLookup(lookup, mayConnectTo), signal)
    const { statusCode = 0, headers } = response
    if (statusCode === 200) return { url, response }
    response.destroy()
    if (statusCode < 300 || statusCode > 399 || !headers.location) throw answerFailure(url, statusCode)
    url = parse(headers.location, url)
  }
  throw refused('url_refused', `${url.host} is the end of more than ${MAX_REDIRECTS} redirects`)
}

/** One request over a connection of its own, to an address that `lookup` gave. */
async function get(url: URL, lookup: LookupFunction, signal: AbortSignal): Promise<IncomingMessage> {
  // Compressed, it could be larger than it looks.
  const options = { agent: false, lookup, signal, headers: { 'accept-encoding': 'identity' } }
  const request = url.protocol === 'https:' ? getByHttps(url, options) : getByHttp(url, options)
  // What breaks after the answer has begun is an error of the answer too.
  request.on('error', () => {})
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

function parse(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) throw refused('url_not_allowed', 'The URL cannot be read')
  return new URL(text, base)
}

/** Resolves a name for a connection, which is then made to one of the addresses that were checked here. */
function checkedLookup(lookup: typeof systemLookup, mayConnectTo: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const [first] = addresses ?? []
      if (error) callback(error, '')
      else if (!first || !addresses.every(({ address }) => mayConnectTo(address))) {
        callback(refused('url_not_allowed', `${hostname} leads to this machine or a private network`), '')
      } else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

function answerFailure(url: URL, status: number): ApplicationFailure {
  const said = `${url.host} answered ${status}`
  return mayPass(status) ? failure('url_unavailable', said, 'unavailable') : refused('url_refused', said)
}

function refused(type: string, message: string): ApplicationFailure {
  return failure(type, message, 'refused')
}

function failure(type: string, message: string, kind: 'refused' | 'unavailable'): ApplicationFailure {
  const details: FailureDetails = { kind, ...(kind === 'refused' && { providerEnded: true }) }
  return ApplicationFailure.create({ type, message, nonRetryable: kind === 'refused', details: [details] })
}
