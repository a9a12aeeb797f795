/** URLs that users supply: which hosts they may name. */
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

const MAX_URL_LENGTH = 4000
export const LEADS_INSIDE = 'must not lead to this machine or a private network'
/** Where IPv6 addresses of the public internet are: outside of it there are unassigned and historic ranges only. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]
/** Public by its range, but it is what serves Azure's machines their metadata. */
const AZURE_METADATA = '168.63.129.16'

/**
 * Whether an address is one of the public internet: not private, loopback, link-local, shared by a carrier (100.64/10),
 * multicast, unspecified, reserved, nor one that carries an IPv4 address inside (mapped, NAT64, 6to4, Teredo) and
 * might lead to any of those. The addresses under which clouds serve credentials are no public ones either.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_UNICAST) : parsed.toString() !== AZURE_METADATA
}

/** Names that only a private network knows: of one label, as of services in a cluster, and of ranges set aside. */
const PRIVATE_NAME = /^[^.]+$|\.(svc|internal|intranet|private|corp|home|lan|local|localdomain|localhost|home\.arpa)$/

/**
 * Whether a host, as `URL` has it, is a name that cannot be one of the public internet: `main`, `localhost`,
 * `kubernetes.default.svc`, `metadata.google.internal`.
 */
function isPrivateName(host: string): boolean {
  return !ipaddr.isValid(host) && PRIVATE_NAME.test(host)
}

/** A URL's host without what is only spelling: brackets around an address, the dot of the root. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$|\.$/g, '')
}

/** Which addresses may be connected to, for which URL. */
export type MayConnectTo = (address: string, url: URL) => boolean

/**
 * What is wrong with a URL that a user supplied, as far as the URL itself tells; where a name leads to is known only
 * once it is connected to.
 *
 * @param mayConnectTo which addresses are allowed
 */
export function urlProblem(url: URL, mayConnectTo: MayConnectTo = isPublicAddress): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http(s) URL'
  if (url.username || url.password) return 'must not contain a user name or a password'
  // The URL parser has made one form of the many in which an IPv4 address can be written.
  const host = hostOf(url)
  const address = isPrivateName(host) ? '127.0.0.1' : host
  if (ipaddr.isValid(address) && !mayConnectTo(address, url)) return LEADS_INSIDE
  return undefined
}

export interface UserUrlOptions {
  /** Whether URLs of this machine and of private networks are taken: where simulators stand in. Default: false. */
  allowPrivateUrls?: boolean
  /** Hosts that URLs may name though they lead to a private network. Default: none. */
  userUrlHosts?: readonly string[]
}

/** Which addresses a user's URL may lead to. */
export function allowedAddresses({ allowPrivateUrls = false, userUrlHosts = [] }: UserUrlOptions): MayConnectTo {
  return (address, url) => allowPrivateUrls || userUrlHosts.includes(hostOf(url)) || isPublicAddress(address)
}

/** Hosts, as a list, or as text with commas between them. */
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

/** A URL for a provider to fetch: http(s), without credentials, and not by a private address, or a private name. */
export function publicHttpUrl(options: UserUrlOptions = {}) {
  const mayLeadTo = allowedAddresses(options)
  return z
    .url('must be an http(s) URL')
    .max(MAX_URL_LENGTH)
    .check(({ value, issues }) => {
      const problem = URL.canParse(value) && urlProblem(new URL(value), mayLeadTo)
      if (problem) issues.push({ code: 'custom', message: problem, input: value })
    })
}
