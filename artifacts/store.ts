import type { Artifact } from './artifact.js'

export interface ArtifactLimits {
  /** The required start of the bytes' MIME type. Default: anything. */
  media?: 'image' | 'video' | 'audio' | 'text' | 'application'
  maxBytes: number
}

export interface ArtifactStore {
  /**
   * Checks that something can be stored, before money is spent on it. Throws like `put`; the failure is of the kind
   * `unavailable`: nothing was created, and a retry may succeed.
   */
  prepare(signal: AbortSignal): Promise<void>
  /**
   * Stores one object under `<name>.<extension of its detected type>`. It replaces what an earlier try stored under
   * this name, also with another extension. Readers see the whole object or none.
   *
   * Throws an `ApplicationFailure`: `artifact_not_media` if the bytes are of another kind than `limits.media`, and
   * `artifact_too_large` past `limits.maxBytes`, both non-retryable; `artifact_store_refused` if the store has to be
   * corrected first, `artifact_store_unavailable` if a retry may succeed. Errors of `content` are passed on.
   */
  put(
    name: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    limits: ArtifactLimits,
    signal: AbortSignal,
  ): Promise<Artifact>
  /** Removes an object by its key; does nothing if it is gone. Throws like `put`. */
  remove(key: string, signal: AbortSignal): Promise<void>
}
