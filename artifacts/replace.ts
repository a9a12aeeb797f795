import { type Artifact, artifactUrl } from './artifact.js'
import type { IncomingFile } from './incoming-file.js'

/** A store of objects, by key. */
export interface ObjectPlace {
  /**
   * The keys of one name: at most one, unless a try was interrupted between storing its own and removing the old one.
   */
  keysOf(name: string, signal: AbortSignal): Promise<string[]>
  store(file: IncomingFile, key: string, signal: AbortSignal): Promise<void>
  /** Does nothing if there is no such object. */
  remove(key: string, signal: AbortSignal): Promise<void>
}

/** Stores the file under its name, then removes an earlier try's object with another extension. */
export async function replace(
  place: ObjectPlace,
  name: string,
  file: IncomingFile,
  mainUrl: string,
  signal: AbortSignal,
): Promise<Artifact> {
  const { mimeType, extension, bytes, sha256 } = file
  const key = `${name}.${extension}`
  const earlier = await place.keysOf(name, signal)
  signal.throwIfAborted()
  await place.store(file, key, signal)
  for (const other of earlier.filter((one) => one !== key)) await place.remove(other, signal)
  return { key, url: artifactUrl(mainUrl, key), mimeType, bytes, sha256 }
}
