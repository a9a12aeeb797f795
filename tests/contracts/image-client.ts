/** The image providers as the integration asks them, without storing what they make. */
import type { lookup } from 'node:dns'
import { nanobanana2ImageGeneration } from '@/integrations/nanobanana2ImageGeneration/index.js'
import type { GeneratedImages, ImageRequest } from '@/integrations/nanobanana2ImageGeneration/schemas.js'
import { allowedAddresses } from '@/lib/public-url.js'
import type { ProviderEndpoint } from '@/provider-kit/provider/config.js'
import { createHttp } from '@/provider-kit/provider/http.js'
import { safeFetch } from '@/provider-kit/provider/safe-fetch.js'
import { checkUserUrls } from '@/provider-kit/provider/user-urls.js'

export type Backend = 'openai' | 'gemini'

const { single, side } = nanobanana2ImageGeneration.asked
if (!single) throw new Error('Images are made by one request')
const { prepare, create } = single

export interface ProviderUnderTest {
  backend: Backend
  endpoint: ProviderEndpoint
  /** Default: the system's. */
  lookup?: typeof lookup
}

export async function generate(
  { backend, endpoint, lookup }: ProviderUnderTest,
  request: ImageRequest,
  { signal }: { signal: AbortSignal } = new AbortController(),
): Promise<GeneratedImages> {
  const { model, simulated } = endpoint
  const settings = { backend }
  const authenticate = (key: string) => side.authenticate?.(key, settings) ?? {}
  const http = createHttp({
    integration: 'image',
    endpoint,
    purpose: 'create',
    signal,
    errors: side.errors,
    readError: side.readError,
    authenticate,
  })
  const given = { http, settings, model, simulated, signal, request }
  const userUrls = { allowPrivateUrls: simulated, lookup }
  const links = (request.referenceImages ?? []).filter((url) => !url.startsWith('data:'))
  await checkUserUrls(links, signal, userUrls)
  const where = { mayConnectTo: allowedAddresses(userUrls), ...(lookup && { lookup }) }
  const prepared = await prepare?.({ ...given, fetchUserFile: (url, limits) => safeFetch(url, limits, signal, where) })
  return (await create({ ...given, prepared })) as GeneratedImages
}
