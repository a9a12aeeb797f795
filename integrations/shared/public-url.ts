/** URLs that users supply: which hosts they may name. */
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

const MAX_URL_LENGTH = 4000
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

/**
 * What is wrong with a URL that a user supplied, as far as the URL itself tells; where a name leads to is known only
 * once it is connected to.
 *
 * @param mayConnectTo which addresses are allowed
 */
export function urlProblem(url: URL, mayConnectTo = isPublicAddress): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http(s) URL'
  if (url.username || url.password) return 'must not contain a user name or a password'
  // The URL parser has made one form of the many in which an IPv4 address can be written.
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '')
  const address = /(^|\.)localhost$/.test(host) ? '127.0.0.1' : host
  if (ipaddr.isValid(address) && !mayConnectTo(address)) return 'must not lead to this machine or a private network'
  return undefined
}

export interface UserUrlOptions {
  /** Whether URLs of this machine and of private networks are taken: where simulators stand in. Default: false. */
  allowPrivateUrls?: boolean
}

/** Which addresses a user's URL may lead to. */
export function allowedAddresses({ allowPrivateUrls = false }: UserUrlOptions): (address: string) => boolean {
  return allowPrivateUrls ? () => true : isPublicAddress
}

/** A URL for a provider to fetch: http(s), without credentials, and not by a private address. */
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
