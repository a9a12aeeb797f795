import type { ProviderEndpoint } from '../../../provider-kit/provider/config.js'
import type { UserUrlChecks } from '../../../provider-kit/provider/user-urls.js'
import type { ImageClient } from './client.js'
import { createGeminiClient } from './gemini.js'
import { createGatewayClient } from './openai-gateway.js'

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
