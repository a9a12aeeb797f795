import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity'
import { artifactName } from '../../../artifacts/artifact.js'
import { unlessAborted, withTimeout } from '../../../lib/abort.js'
import type { FailureDetails } from '../../../protocol/failure-details.js'
import { STORING_MS } from '../../../protocol/limits.js'
import type { ActivityContext } from '../../../provider-kit/activity-context.js'
import type { ConnectionOptions } from '../../../provider-kit/provider/checked-http.js'
import { providerEndpoint } from '../../../provider-kit/provider/config.js'
import { downloadBytes, linksOf } from '../../../provider-kit/provider/download.js'
import { asCreateFailure, ProviderError } from '../../../provider-kit/provider/errors.js'
import { withHeartbeat } from '../../../provider-kit/provider/heartbeat.js'
import type { ProviderSettings } from '../../../provider-kit/workflow/polled-task.js'
import { createImageClient } from '../clients/index.js'
import { imageSimulator, type Nanobanana2Config } from '../config.js'
import { measure } from '../measure.js'
import type { ImageRequest, ImageResult } from '../schemas.js'

const IMAGE_LIMITS = { media: 'image', maxBytes: 64 * 1024 ** 2 } as const
const DOWNLOAD_LIMITS = { stallMs: 20_000, timeoutMs: 60_000 }
const DOWNLOAD_TRIES = 3
const PAUSE_BETWEEN_DOWNLOADS_MS = 1000
/** Of the request's own time, at most: what is paid for needs some of it to be answered. */
const PREPARING_SHARE = 0.5

export function createActivities(context: ActivityContext<{ nanobanana2ImageGeneration: Nanobanana2Config }>) {
  const config = context.integrations.nanobanana2ImageGeneration
  const endpoint = providerEndpoint(config, imageSimulator(config))
  const userUrls = { userUrlHosts: config.userUrlHosts, lookup: context.lookup }
  const provider = createImageClient(config.backend, endpoint, userUrls)
  const where = linksOf({ ...config, ...endpoint })
  const { artifacts } = context
  const { deadlineSeconds, requestTimeoutMs, onAmbiguousCreate } = config
  if (endpoint.simulated) {
    const { baseUrl: url, simulatorCommand } = endpoint
    const start = `if it does not run, start it: ${simulatorCommand}`
    context.logger.warn({ url }, `nanobanana2ImageGeneration: no apiKey configured, using the simulator; ${start}`)
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
          const { images, ...answer } = await withTimeout(requestTimeoutMs, [signal], async (soon) => {
            const send = await beforeSending(PREPARING_SHARE * requestTimeoutMs, soon, async (sooner) => {
              await artifacts.prepare(sooner)
              return provider.prepare(request, sooner)
            })
            return send(soon)
          })
          const stored: ImageResult['images'] = []
          for (const [index, image] of images.entries()) {
            const bytes = image instanceof URL ? await download(image, signal, where) : image
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

/** Where this fails, or has no end in time, nothing was created. A cancellation of the run stays one. */
async function beforeSending<T>(
  timeoutMs: number,
  signal: AbortSignal,
  prepare: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withTimeout(timeoutMs, [signal], async (soon) => {
      soon.throwIfAborted()
      return await unlessAborted(prepare(soon), soon)
    })
  } catch (error) {
    const saysItself = [ApplicationFailure, CancelledFailure, ProviderError].some((known) => error instanceof known)
    if (saysItself) throw error
    const message = `The request could not be made ready: ${error instanceof Error ? error.message : error}`
    const details: FailureDetails = { kind: 'unavailable' }
    throw ApplicationFailure.create({ type: 'preparation_failed', message, details: [details] })
  }
}

/** What a gateway only links to is paid for all the same: a download that breaks off is tried again. */
async function download({ href }: URL, signal: AbortSignal, where: ConnectionOptions): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    try {
      return await downloadBytes(href, IMAGE_LIMITS.maxBytes, DOWNLOAD_LIMITS, signal, where)
    } catch (error) {
      const forGood = error instanceof ApplicationFailure && error.nonRetryable
      if (forGood || signal.aborted || tries === DOWNLOAD_TRIES) throw error
      await delay(PAUSE_BETWEEN_DOWNLOADS_MS, undefined, { signal })
    }
  }
}
