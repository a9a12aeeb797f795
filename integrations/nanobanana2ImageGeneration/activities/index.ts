import { imageSize } from 'image-size'
import { withHeartbeat } from '../../shared/activities/heartbeat.js'
import { asCreateFailure } from '../../shared/activities/provider-error.js'
import type { ActivityContext } from '../../shared/activity-context.js'
import { artifactName } from '../../shared/artifact.js'
import { providerEndpoint } from '../../shared/provider-config.js'
import type { ProviderSettings } from '../../shared/provider-task.js'
import { createImageClient } from '../client.js'
import type { ImageRequest, ImageResult } from '../schemas.js'

const IMAGE_LIMITS = { media: 'image', maxBytes: 64 * 1024 ** 2 } as const
/** Models work in steps of some pixels: a ratio within this share is the ratio that was asked for. */
const RATIO_TOLERANCE = 0.03

export function createActivities(context: ActivityContext) {
  const config = context.integrations.nanobanana2ImageGeneration
  const endpoint = providerEndpoint(config)
  const gateway = createImageClient(endpoint)
  const { artifacts } = context
  const { deadlineSeconds, requestTimeoutMs, onAmbiguousCreate } = config
  if (endpoint.simulated) {
    const { baseUrl: url } = endpoint
    context.logger.warn({ url }, 'nanobanana2ImageGeneration: no apiKey configured, using the simulator')
  }

  return {
    /** What the workflow needs to know of the worker's configuration. */
    async imageSettings(): Promise<ProviderSettings & { onAmbiguousCreate: 'fail' | 'retry' }> {
      return { deadlineSeconds, requestTimeoutMs, onAmbiguousCreate }
    },

    /** Has the images made and stores them. Costs money each time: not to be retried blindly. */
    async generateImage(request: ImageRequest, key: { taskKey: string; attempt: number }): Promise<ImageResult> {
      return asCreateFailure(
        context,
        endpoint,
        withHeartbeat(requestTimeoutMs, async (signal) => {
          await artifacts.prepare(signal)
          const { images, ...answer } = await gateway.generate(request, signal)
          const stored: ImageResult['images'] = []
          for (const [index, image] of images.entries()) {
            const bytes = image instanceof URL ? await download(image, signal) : image
            const name = artifactName(index === 0 ? 'image' : `image${index + 1}`, key)
            const artifact = await artifacts.put(name, [bytes], IMAGE_LIMITS, signal)
            stored.push({ ...artifact, ...measure(bytes, request.aspectRatio) })
          }
          return { images: stored, ...answer, simulated: endpoint.simulated }
        }),
      )
    },
  }
}

export type ImageActivities = ReturnType<typeof createActivities>

async function download(url: URL, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal })
  if (!response.ok) throw new Error(`The image's download answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

function measure(bytes: Uint8Array, aspectRatio: ImageRequest['aspectRatio']) {
  const { width, height } = imageSize(bytes)
  if (!aspectRatio) return { width, height }
  const [across = 1, down = 1] = aspectRatio.split(':').map(Number)
  const asRequested = Math.abs((width / height) * (down / across) - 1) <= RATIO_TOLERANCE
  return { width, height, asRequested }
}
