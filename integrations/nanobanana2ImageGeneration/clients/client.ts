/** What both ways to ask for images have in common. */
import type { ImageRequest, ImageUsage } from '../schemas.js'

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
