import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationFailure } from '@temporalio/activity'
import { downloadBytes } from '../../shared/activities/download.js'
import { withHeartbeat } from '../../shared/activities/heartbeat.js'
import { asCreateFailure } from '../../shared/activities/provider-error.js'
import type { ActivityContext } from '../../shared/activity-context.js'
import { artifactName } from '../../shared/artifact.js'
import { withTimeout } from '../../shared/following-signal.js'
import { providerEndpoint } from '../../shared/provider-config.js'
import type { ProviderSettings } from '../../shared/provider-task.js'
import { createImageClient } from '../clients/index.js'
import { measure } from '../measure.js'
import type { ImageRequest, ImageResult } from '../schemas.js'

const IMAGE_LIMITS = { media: 'image', maxBytes: 64 * 1024 ** 2 } as const
const DOWNLOAD_LIMITS = { stallMs: 20_000, timeoutMs: 60_000 }
const DOWNLOAD_TRIES = 3
const PAUSE_BETWEEN_DOWNLOADS_MS = 1000
/** Beyond the request's own time: what came at the last moment is paid for too. The workflow leaves 10 s. */
const STORING_MS = 8_000

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
        withHeartbeat(requestTimeoutMs + STORING_MS, async (signal) => {
          await artifacts.prepare(signal)
          const { images, ...answer } = await withTimeout(requestTimeoutMs, [signal], (soon) =>
            provider.generate(request, soon),
          )
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

/** What a gateway only links to is paid for all the same: a download that breaks off is tried again. */
async function download({ href }: URL, signal: AbortSignal): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    try {
      return await downloadBytes(href, IMAGE_LIMITS.maxBytes, DOWNLOAD_LIMITS, signal)
    } catch (error) {
      const forGood = error instanceof ApplicationFailure && error.nonRetryable
      if (forGood || signal.aborted || tries === DOWNLOAD_TRIES) throw error
      await delay(PAUSE_BETWEEN_DOWNLOADS_MS, undefined, { signal })
    }
  }
}
