/** URLs that users supply: which hosts they may name. */
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

const MAX_URL_LENGTH = 4000
export const LEADS_INSIDE = 'must not lead to this machine or a private network'
/** The global unicast range of IPv6: outside it there are only unassigned and historic ranges. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]
/** In a public range, but Azure serves its machines' metadata there. */
const AZURE_METADATA = '168.63.129.16'

/**
 * Whether an address is on the public internet: not private, loopback, link-local, carrier-grade NAT (100.64/10),
 * multicast, unspecified, reserved, nor an IPv6 address that embeds an IPv4 address (mapped, NAT64, 6to4, Teredo) and
 * might lead to one of those. Cloud metadata addresses, which serve credentials, do not count as public.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_UNICAST) : parsed.toString() !== AZURE_METADATA
}

/** Names that only a private network knows: single labels, such as services in a cluster, and reserved domains. */
const PRIVATE_NAME = /^[^.]+$|\.(svc|internal|intranet|private|corp|home|lan|local|localdomain|localhost|home\.arpa)$/

/** A URL's host, normalised: without the brackets of an IPv6 address, or the root's trailing dot. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$|\.$/g, '')
}

/** Which addresses may be connected to, for which URL. */
export type MayConnectTo = (address: string, url: URL) => boolean

/**
 * What is wrong with a user's URL, as far as the URL itself tells: where a name leads to is known only when connecting.
 *
 * @param mayConnectTo which addresses are allowed
 */
export function urlProblem(url: URL, mayConnectTo: MayConnectTo = isPublicAddress): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http(s) URL'
  if (url.username || url.password) return 'must not contain a user name or a password'
  // The URL parser has normalised the many spellings of an IPv4 address.
  const host = hostOf(url)
  const address = !ipaddr.isValid(host) && PRIVATE_NAME.test(host) ? '127.0.0.1' : host
  if (ipaddr.isValid(address) && !mayConnectTo(address, url)) return LEADS_INSIDE
  return undefined
}

export interface UserUrlOptions {
  /** Whether URLs of this machine and of private networks are allowed, as with simulators. Default: false. */
  allowPrivateUrls?: boolean
  /** Hosts that are allowed though they are in a private network. Default: none. */
  userUrlHosts?: readonly string[]
}

/** Which addresses a user's URL may lead to. */
export function allowedAddresses({ allowPrivateUrls = false, userUrlHosts = [] }: UserUrlOptions): MayConnectTo {
  return (address, url) => allowPrivateUrls || userUrlHosts.includes(hostOf(url)) || isPublicAddress(address)
}

/** A list of hosts, or text separated by commas. */
export const hostsSchema = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').filter((host) => host.trim()) : value),
  z.array(
    z
      .string()
      .transform((host) => host.trim().toLowerCase())
      .refine((host) => URL.canParse(`http://${host}`) && new URL(`http://${host}`).hostname === host, {
        message: 'must be a host as it stands in a URL, without protocol, port and path',
      })
      .transform((host) => hostOf(new URL(`http://${host}`))),
  ),
)

/** A URL with which nothing is wrong. */
export function checkedUrl(message: string, maxLength: number, problemOf: (url: URL) => string | undefined) {
  return z
    .url(message)
    .max(maxLength)
    .check(({ value, issues }) => {
      const problem = URL.canParse(value) && problemOf(new URL(value))
      if (problem) issues.push({ code: 'custom', message: problem, input: value })
    })
}

/** A URL for a provider to fetch: http(s), without credentials, and with no private address or name. */
export function publicHttpUrl(options: UserUrlOptions = {}) {
  const mayLeadTo = allowedAddresses(options)
  return checkedUrl('must be an http(s) URL', MAX_URL_LENGTH, (url) => urlProblem(url, mayLeadTo))
}
