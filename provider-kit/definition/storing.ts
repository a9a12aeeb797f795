/** Stores a provider's results: from an answer, or from its links. */
import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationFailure } from '@temporalio/activity'
import { artifactName } from '../../artifacts/artifact.js'
import type { ArtifactStore } from '../../artifacts/index.js'
import type { ConnectionOptions } from '../../lib/checked-http.js'
import { describeSpan, spannedWithin } from '../../lib/tracing.js'
import { download, downloadBytes } from '../provider/download.js'
import { ProviderError } from '../provider/errors.js'
import type { AttemptKey } from '../workflow/shared-activities.js'
import type { Storing } from './shapes.js'

export const DOWNLOAD_TIMEOUT_MS = 10 * 60_000
const MAX_BYTES = 1024 ** 3
/** The most that is held in memory. */
const MAX_BYTES_AT_ONCE = 64 * 1024 ** 2
const LIMITS_AT_ONCE = { stallMs: 20_000, timeoutMs: 60_000 }
const DOWNLOAD_TRIES = 3
const PAUSE_BETWEEN_DOWNLOADS_MS = 1000

type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

export interface StoringOptions {
  signal: AbortSignal
  /** Downloads from a link. Without it only bytes can be stored. */
  download?: (link: string) => Content | Promise<Uint8Array>
}

export function storing(artifacts: ArtifactStore, key: AttemptKey, { signal, download }: StoringOptions): Storing {
  return {
    async store(source, name, limits) {
      if (source === null || source === undefined) throw new NothingToStoreError(name)
      const content = source instanceof Uint8Array ? [source] : await download?.(String(source))
      if (content === undefined) throw new TypeError(`${name}: there is no provider whose links could be followed`)
      const chunks = content instanceof Uint8Array ? [content] : content
      return spannedWithin(`store ${name}`, {}, async () => {
        const stored = await artifacts.put(artifactName(name, key), chunks, { maxBytes: MAX_BYTES, ...limits }, signal)
        describeSpan({ 'asynctask.artifact.bytes': stored.bytes, 'asynctask.artifact.type': stored.mimeType })
        return stored
      })
    },
  }
}

/** The provider has finished, but does not give the result's link yet. */
class NothingToStoreError extends ProviderError {
  constructor(name: string) {
    super(`There is no ${name}`, { code: `no_${name}`, kind: 'unavailable' })
  }
}

export function isNothingToStore(error: unknown): boolean {
  return error instanceof NothingToStoreError
}

/** Follows links without retries of its own: the activity's retries repeat the download with the rest. */
export function linksTo(where: ConnectionOptions, stallMs: number, signal: AbortSignal) {
  return (link: string) => download(link, { stallMs, timeoutMs: DOWNLOAD_TIMEOUT_MS }, signal, where)
}

/** A result that an answer links to is paid for, too: an interrupted download is retried. */
export async function downloadAgain(
  link: URL | string,
  where: ConnectionOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    try {
      return await downloadBytes(String(link), MAX_BYTES_AT_ONCE, LIMITS_AT_ONCE, signal, where)
    } catch (error) {
      const forGood = error instanceof ApplicationFailure && error.nonRetryable
      if (forGood || signal.aborted || tries === DOWNLOAD_TRIES) throw error
      await delay(PAUSE_BETWEEN_DOWNLOADS_MS, undefined, { signal })
    }
  }
}
