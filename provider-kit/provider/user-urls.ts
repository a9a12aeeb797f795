/** Users' URLs that a provider is to fetch: the provider may be a gateway in our own network. */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { ApplicationFailure } from '@temporalio/activity'
import ipaddr from 'ipaddr.js'
import { unlessAborted, withTimeout } from '../../lib/abort.js'
import { allowedAddresses, hostOf, LEADS_INSIDE, type UserUrlOptions, urlProblem } from '../../lib/public-url.js'
import type { FailureDetails } from '../../protocol/failure-details.js'

const LOOKUP_TIMEOUT_MS = 10_000

export interface UserUrlChecks extends UserUrlOptions {
  /** How names are resolved. Default: as the system does. */
  lookup?: typeof systemLookup | undefined
}

/**
 * Checks that no URL leads to a private network, by its address or by what its name resolves to here. The provider
 * resolves the name again; if it resolves to another address by then, that is the provider's concern.
 *
 * Throws an `ApplicationFailure` that shows only a URL's host: of the kind `refused`, non-retryable, `url_not_allowed`,
 * or `url_not_found` for a name that does not exist; of the kind `unavailable`, `url_unavailable`.
 */
export async function checkUserUrls(
  urls: readonly string[],
  signal: AbortSignal,
  { lookup = systemLookup, ...options }: UserUrlChecks = {},
): Promise<void> {
  if (options.allowPrivateUrls) return
  const mayLeadTo = allowedAddresses(options)
  const parsed = urls.map((url) => {
    const problem = URL.canParse(url) ? urlProblem(new URL(url), mayLeadTo) : 'cannot be read'
    if (problem) throw urlFailure('url_not_allowed', `A URL ${problem}`, 'refused')
    return new URL(url)
  })
  const names = new Map(parsed.filter((url) => !ipaddr.isValid(hostOf(url))).map((url) => [hostOf(url), url]))
  await Promise.all(
    [...names].map(async ([name, url]) => {
      if (options.userUrlHosts?.includes(name)) return
      const addresses = await resolve(name, lookup, signal)
      if (addresses.length > 0 && addresses.every(({ address }) => mayLeadTo(address, url))) return
      throw urlFailure('url_not_allowed', `A URL of ${name} ${LEADS_INSIDE}`, 'refused')
    }),
  )
}

async function resolve(name: string, lookup: typeof systemLookup, signal: AbortSignal): Promise<LookupAddress[]> {
  const resolved = () =>
    new Promise<LookupAddress[]>((resolve, reject) => {
      lookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)))
    })
  try {
    return await withTimeout(LOOKUP_TIMEOUT_MS, [signal], (soon) => unlessAborted(resolved(), soon))
  } catch (error) {
    if (signal.aborted) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOTFOUND') throw urlFailure('url_not_found', `There is no host ${name}`, 'refused')
    throw urlFailure('url_unavailable', `${name} could not be resolved: ${message}`, 'unavailable')
  }
}

/** No provider was asked yet, so it is not the provider that is unavailable. */
export function urlFailure(type: string, message: string, kind: 'refused' | 'unavailable'): ApplicationFailure {
  const details: FailureDetails = { kind, ...(kind === 'refused' && { providerEnded: true }) }
  return ApplicationFailure.create({ type, message, nonRetryable: kind === 'refused', details: [details] })
}
