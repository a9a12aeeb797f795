/** A definition's provider, as a worker reaches it with its section of the configuration. */
import type { z } from 'zod'
import type { ConnectionOptions } from '../../lib/checked-http.js'
import { allowedAddresses, publicHttpUrl, type UserUrlOptions } from '../../lib/public-url.js'
import type { ActivityContext } from '../activity-context.js'
import { type ProviderConfig, type ProviderEndpoint, providerEndpoint } from '../provider/config.js'
import { linksOf } from '../provider/download.js'
import type { ErrorTable, Purpose, ReadError } from '../provider/error-table.js'
import { createHttp, type WatchedHttp } from '../provider/http.js'
import type { UserUrlChecks } from '../provider/user-urls.js'
import type { ProviderContext, UserUrl } from './shapes.js'

/** The part of a definition that concerns its provider, in any shape. */
export interface ProviderSide {
  name: string
  namespace: string
  request: (userUrl: UserUrl) => z.ZodType
  errors?: ErrorTable | undefined
  readError?: ReadError | undefined
  authenticate?(apiKey: string, settings: unknown): Record<string, string>
  simulatorIn(section: unknown): { name: string } | undefined
}

/** An integration's section of the worker's configuration. */
export function sectionIn<Section>({ integrations }: ActivityContext, namespace: string, name: string): Section {
  const section = (integrations as Record<string, Section | undefined>)[namespace]
  if (section === undefined) throw new TypeError(`${name}: the configuration has no section integrations.${namespace}`)
  return section
}

export class ProviderAccess<Section extends ProviderConfig> {
  readonly section: Section
  readonly endpoint: ProviderEndpoint
  /** Which URLs of users are accepted. */
  readonly userUrls: UserUrlChecks
  /** Where the provider's links may lead, and users' URLs that are fetched here. */
  readonly links: ConnectionOptions
  readonly userLinks: ConnectionOptions
  readonly #settings: unknown

  constructor(
    private readonly side: ProviderSide,
    context: ActivityContext,
  ) {
    const section = sectionIn<Section>(context, side.namespace, side.name)
    const { apiKey: _apiKey, ...settings } = section
    const endpoint = providerEndpoint(section, side.simulatorIn(section)?.name)
    const { lookup } = context
    this.section = section
    this.endpoint = endpoint
    this.#settings = settings
    this.userUrls = { allowPrivateUrls: endpoint.simulated, userUrlHosts: section.userUrlHosts, lookup }
    this.links = linksOf({ ...section, ...endpoint })
    this.userLinks = { mayConnectTo: allowedAddresses(this.userUrls), ...(lookup && { lookup }) }
    if (endpoint.simulated) {
      const { baseUrl: url, simulatorCommand } = endpoint
      const start = `if it does not run, start it: ${simulatorCommand}`
      context.logger.warn({ url }, `${side.name}: no apiKey configured, using the simulator; ${start}`)
    }
  }

  /** The argument of a definition's callbacks. */
  given(purpose: Purpose, signal: AbortSignal): ProviderContext<unknown> & { http: WatchedHttp } {
    const { endpoint, side } = this
    const { model, simulated } = endpoint
    const { errors, readError } = side
    const settings = this.#settings
    const authenticate = side.authenticate && ((apiKey: string) => side.authenticate?.(apiKey, settings) ?? {})
    const http = createHttp({ integration: side.namespace, endpoint, purpose, signal, errors, readError, authenticate })
    return { http, settings, model, simulated, signal }
  }

  /** The users' URLs in a request. Main has validated the rest. */
  userUrlsOf(request: unknown): string[] {
    const urls: string[] = []
    const collecting = publicHttpUrl(ANY_URL).refine((url) => urls.push(url) > 0)
    this.side.request(collecting).safeParse(request)
    return urls.filter((url) => /^https?:/i.test(url))
  }
}

const ANY_URL: UserUrlOptions = { allowPrivateUrls: true }
