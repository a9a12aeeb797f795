import type { Artifact } from './artifact.js'

export interface ArtifactLimits {
  /** What the bytes have to be, as a MIME type begins. Default: anything. */
  media?: 'image' | 'video' | 'audio' | 'text' | 'application'
  maxBytes: number
}

export interface ArtifactStore {
  /**
   * Makes sure that something can be stored, before money is spent on it. Throws as `put` does; the failure is of
   * the kind `unavailable`: nothing was created, and it may work later.
   */
  prepare(signal: AbortSignal): Promise<void>
  /**
   * Stores one object under `<name>.<extension of what the bytes are>`. What an earlier try stored under this name is
   * replaced, also where it had another extension. Readers see the whole object or none.
   *
   * Throws an `ApplicationFailure`: `artifact_not_media` if the bytes are of another kind than `limits.media`, and
   * `artifact_too_large` past `limits.maxBytes`, both non-retryable; `artifact_store_refused` where the store has to
   * be set right first, `artifact_store_unavailable` where another try may do. What `content` throws is passed on.
   */
  put(
    name: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    limits: ArtifactLimits,
    signal: AbortSignal,
  ): Promise<Artifact>
  /** Removes an object by its key; does nothing where it is gone. Throws as `put` does. */
  remove(key: string, signal: AbortSignal): Promise<void>
}
