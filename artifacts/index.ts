/** Where results are stored: files of a folder, or objects of an S3 bucket. */
import type { ArtifactsConfig } from './config.js'
import { createLocalStore } from './local-store.js'
import type { ArtifactStore } from './store.js'

export type { ArtifactStore } from './store.js'

/** @param mainUrl where people reach main, which serves what is stored */
export function createArtifactStore({ dir, s3 }: ArtifactsConfig, mainUrl: string): ArtifactStore {
  if (!s3) return createLocalStore(dir, mainUrl)
  // The SDK takes half a second and 25 MB to load, so it is only loaded for a bucket.
  const store = import('./s3-store.js').then(({ S3Store }) => new S3Store(s3, mainUrl))
  return {
    prepare: async (...args) => (await store).prepare(...args),
    put: async (...args) => (await store).put(...args),
    remove: async (...args) => (await store).remove(...args),
  }
}
