import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplicationFailure } from '@temporalio/activity'
import { mediaTypeOf } from './media-type.js'
import type { ArtifactLimits } from './store.js'
import { onDisk } from './store-errors.js'

/** How much of a file file-type needs. */
const HEAD_BYTES = 4100
const SUFFIX = '.part'

/** Content that was received completely, and its properties. */
export interface IncomingFile {
  path: string
  mimeType: string
  extension: string
  bytes: number
  /** Hexadecimal. */
  sha256: string
}

/**
 * Receives content into a temporary file of `dir`, so that only complete content of the right kind is ever stored, and
 * passes it to `store`, which may move it. Afterwards it removes the file, and what an earlier try of this name left if
 * its process was killed. Throws like `ArtifactStore.put`.
 */
export async function receive<T>(
  dir: string,
  name: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: ArtifactLimits,
  store: (file: IncomingFile) => Promise<T>,
): Promise<T> {
  await onDisk(mkdir(dir, { recursive: true }))
  await removeLeftovers(dir, name)
  const path = temporaryPath(dir, name)
  try {
    const { head, ...measured } = await write(path, name, content, limits.maxBytes)
    const type = await onDisk(mediaTypeOf(head, path, measured.bytes))
    if (limits.media && !type.mimeType.startsWith(`${limits.media}/`)) {
      throw ApplicationFailure.nonRetryable(`${name} is ${type.mimeType}, not ${limits.media}`, 'artifact_not_media')
    }
    return await store({ path, ...type, ...measured })
  } finally {
    await rm(path, { force: true })
  }
}

/** Checks that content can be received into `dir`. */
export async function prepareFolder(dir: string): Promise<void> {
  await onDisk(mkdir(dir, { recursive: true }))
  const path = temporaryPath(dir, 'probe')
  await onDisk(open(path, 'wx').then((handle) => handle.close()))
  await onDisk(rm(path, { force: true }))
}

function temporaryPath(dir: string, name: string): string {
  return join(dir, `.${name}.${randomUUID()}${SUFFIX}`)
}

async function write(
  path: string,
  name: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
) {
  const hash = createHash('sha256')
  let head = Buffer.alloc(0)
  let bytes = 0
  const handle = await onDisk(open(path, 'wx'))
  try {
    for await (const chunk of content) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) {
        throw ApplicationFailure.nonRetryable(`${name} is larger than ${maxBytes} bytes`, 'artifact_too_large')
      }
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk])
      hash.update(chunk)
      await onDisk(handle.writeFile(chunk))
    }
    await onDisk(handle.sync())
  } finally {
    await handle.close()
  }
  return { head, bytes, sha256: hash.digest('hex') }
}

/** A try that still runs fails then, but nobody waits for it any more. */
async function removeLeftovers(dir: string, name: string): Promise<void> {
  const files = await onDisk(readdir(dir))
  const leftovers = files.filter((file) => file.startsWith(`.${name}.`) && file.endsWith(SUFFIX))
  await Promise.all(leftovers.map((file) => onDisk(rm(join(dir, file), { force: true }))))
}
