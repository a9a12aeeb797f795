import { withHeartbeat } from '../../shared/activities/heartbeat.js'
import { asCreateFailure } from '../../shared/activities/provider-error.js'
import type { ActivityContext } from '../../shared/activity-context.js'
import { artifactName } from '../../shared/artifact.js'
import { providerEndpoint } from '../../shared/provider-config.js'
import type { ProviderSettings } from '../../shared/provider-task.js'
import { createImageClient } from '../clients/index.js'
import { measure } from '../measure.js'
import type { ImageRequest, ImageResult } from '../schemas.js'

const IMAGE_LIMITS = { media: 'image', maxBytes: 64 * 1024 ** 2 } as const

export function createActivities(context: ActivityContext) {
  const config = context.integrations.nanobanana2ImageGeneration
  const endpoint = providerEndpoint(config)
  const provider = createImageClient(config.backend, endpoint)
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
          const { images, ...answer } = await provider.generate(request, signal)
          const stored: ImageResult['images'] = []
          for (const [index, image] of images.entries()) {
            const bytes = image instanceof URL ? await download(image, signal) : image
            const name = artifactName(index === 0 ? 'image' : `image${index + 1}`, key)
            const measured = measure(bytes, request)
            stored.push({ ...(await artifacts.put(name, [bytes], IMAGE_LIMITS, signal)), ...measured })
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
