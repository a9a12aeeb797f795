import type { UserUrlChecks } from '../../shared/activities/user-urls.js'
import type { ProviderEndpoint } from '../../shared/provider-config.js'
import type { ImageRequest, ImageUsage } from '../schemas.js'
import { createGeminiClient } from './gemini.js'
import { createGatewayClient } from './openai-gateway.js'

export interface GeneratedImages {
  /** What a gateway only links to is a URL. The bytes are as they came: nobody has looked whether they are an image. */
  images: Array<Uint8Array | URL>
  /** What the model said beside them. */
  text?: string
  model: string
  usage: ImageUsage
}

export interface ImageClient {
  /** Gets together what the request is made of. Asks the provider for nothing yet, so that all it throws came for free. */
  prepare(request: ImageRequest, signal: AbortSignal): Promise<PreparedRequest>
}

/**
 * Sends the request, once: each time may cost money.
 *
 * @throws ProviderError whose kind says what the request left behind
 */
export type PreparedRequest = (signal: AbortSignal) => Promise<GeneratedImages>

/** How the images are asked for. */
export type Backend = 'openai' | 'gemini'

/** @param userUrls which URLs of reference images are taken. Default: public ones; of a simulator any */
export function createImageClient(
  backend: Backend,
  endpoint: ProviderEndpoint,
  userUrls: Omit<UserUrlChecks, 'allowPrivateUrls'> = {},
): ImageClient {
  const urls = { allowPrivateUrls: endpoint.simulated, ...userUrls }
  return backend === 'gemini' ? createGeminiClient(endpoint, urls) : createGatewayClient(endpoint, urls)
}
