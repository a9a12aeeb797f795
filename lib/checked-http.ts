/** HTTP to where others point: each connection, also of a redirect, is made to an address that was checked. */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { once } from 'node:events'
import { request as byHttp, type IncomingMessage } from 'node:http'
import { request as byHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isPublicAddress, urlProblem } from './public-url.js'

const MAX_REDIRECTS = 5

export interface ConnectionOptions {
  /** Which addresses may be connected to, for which URL. Default: public ones. */
  mayConnectTo?: (address: string, url: URL) => boolean
  /** How names are resolved. Default: as the system does. */
  lookup?: typeof systemLookup
}

/** Where a URL, or a redirect from it, must not be followed to. The message names no more of it than its host. */
export class ForbiddenUrlError extends Error {
  override readonly name = 'ForbiddenUrlError'
  readonly retryable = false

  constructor(
    message: string,
    readonly code: 'url_not_allowed' | 'too_many_redirects',
  ) {
    super(message)
  }
}

/**
 * Gets what a URL leads to: the first answer that is no redirect, whatever its status. A name cannot lead elsewhere
 * between check and use. There is no limit to silence but the signal.
 *
 * @throws ForbiddenUrlError; what the connection fails with
 */
export async function getChecked(
  start: string,
  signal: AbortSignal,
  options: ConnectionOptions = {},
): Promise<{ url: URL; response: IncomingMessage }> {
  let url = parse(start)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await send(url, { method: 'GET', headers: {} }, signal, options)
    const { statusCode = 0, headers } = response
    if (statusCode < 300 || statusCode > 399 || !headers.location) return { url, response }
    response.destroy()
    url = parse(headers.location, url)
  }
  throw new ForbiddenUrlError(`${url.host} is the end of more than ${MAX_REDIRECTS} redirects`, 'too_many_redirects')
}

/**
 * Posts a body to a URL, over a connection that was checked likewise. A redirect is an answer like any other.
 *
 * @throws ForbiddenUrlError; what the connection fails with; the signal's reason when aborted
 */
export function postChecked(
  url: URL,
  message: { headers: Record<string, string>; body: string },
  signal: AbortSignal,
  options: ConnectionOptions = {},
): Promise<IncomingMessage> {
  return send(url, { method: 'POST', ...message }, signal, options)
}

/** One request over a connection of its own, to an address that was checked. */
async function send(
  url: URL,
  { method, headers, body }: { method: string; headers: Record<string, string>; body?: string },
  signal: AbortSignal,
  { mayConnectTo = isPublicAddress, lookup = systemLookup }: ConnectionOptions,
): Promise<IncomingMessage> {
  const mayLeadTo = (address: string) => mayConnectTo(address, url)
  const problem = urlProblem(url, mayLeadTo)
  if (problem) throw new ForbiddenUrlError(`The URL ${problem}`, 'url_not_allowed')
  const options = {
    method,
    agent: false,
    lookup: checkedLookup(lookup, mayLeadTo),
    signal,
    // Compressed, an answer could be larger than it looks.
    headers: { ...headers, 'accept-encoding': 'identity' },
  }
  const request = url.protocol === 'https:' ? byHttps(url, options) : byHttp(url, options)
  // What breaks after the answer has begun is an error of the answer too.
  request.on('error', () => {})
  request.end(body)
  const [response] = await once(request, 'response').catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error
  })
  return response
}

function parse(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) throw new ForbiddenUrlError('The URL cannot be read', 'url_not_allowed')
  return new URL(text, base)
}

/** Resolves a name for a connection, which is then made to one of the addresses that were checked here. */
function checkedLookup(lookup: typeof systemLookup, mayConnectTo: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const [first] = addresses ?? []
      if (error) callback(error, '')
      else if (!first || !addresses.every(({ address }) => mayConnectTo(address))) {
        const message = `${hostname} leads to this machine or a private network`
        callback(new ForbiddenUrlError(message, 'url_not_allowed'), '')
      } else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}
