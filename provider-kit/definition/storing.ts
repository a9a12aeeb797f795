/** Keeping what a provider made: out of an answer, or from where its links lead. */
import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationFailure } from '@temporalio/activity'
import { artifactName } from '../../artifacts/artifact.js'
import type { ArtifactStore } from '../../artifacts/index.js'
import type { ConnectionOptions } from '../../lib/checked-http.js'
import { download, downloadBytes } from '../provider/download.js'
import { ProviderError } from '../provider/errors.js'
import type { AttemptKey } from '../workflow/shared-activities.js'
import type { Storing } from './shapes.js'

export const DOWNLOAD_TIMEOUT_MS = 10 * 60_000
const MAX_BYTES = 1024 ** 3
/** Of what is held in memory. */
const MAX_BYTES_AT_ONCE = 64 * 1024 ** 2
const LIMITS_AT_ONCE = { stallMs: 20_000, timeoutMs: 60_000 }
const DOWNLOAD_TRIES = 3
const PAUSE_BETWEEN_DOWNLOADS_MS = 1000

type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

export interface StoringOptions {
  signal: AbortSignal
  /** Gets what a link leads to. Without it only bytes are kept. */
  download?: (link: string) => Content | Promise<Uint8Array>
}

export function storing(artifacts: ArtifactStore, key: AttemptKey, { signal, download }: StoringOptions): Storing {
  return {
    async store(source, name, limits) {
      if (source === null || source === undefined) throw new NothingToStoreError(name)
      const content = source instanceof Uint8Array ? [source] : await download?.(String(source))
      if (content === undefined) throw new TypeError(`${name}: there is no provider whose links could be followed`)
      const chunks = content instanceof Uint8Array ? [content] : content
      return artifacts.put(artifactName(name, key), chunks, { maxBytes: MAX_BYTES, ...limits }, signal)
    },
  }
}

/** The provider has finished, and does not say where its result is: soon it may. */
class NothingToStoreError extends ProviderError {
  constructor(name: string) {
    super(`There is no ${name}`, { code: `no_${name}`, kind: 'unavailable' })
  }
}

export function isNothingToStore(error: unknown): boolean {
  return error instanceof NothingToStoreError
}

/** Follows links whose download is tried again with all else, by the activity's own retries. */
export function linksTo(where: ConnectionOptions, stallMs: number, signal: AbortSignal) {
  return (link: string) => download(link, { stallMs, timeoutMs: DOWNLOAD_TIMEOUT_MS }, signal, where)
}

/** What an answer only links to is paid for all the same: a download that breaks off is tried again. */
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
