import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplicationFailure } from '@temporalio/activity'
import { fileTypeFromBuffer } from 'file-type'
import type { ActivityContext } from '../activity-context.js'
import type { Artifact } from '../artifact.js'

/** What file-type needs to see of a file. */
const HEAD_BYTES = 4100

export interface ArtifactStore {
  /** Makes sure that something can be stored, before money is spent on it. */
  prepare(): Promise<void>
  /**
   * Stores one object under `<name>.<extension of what the bytes are>`; a name stored again is replaced. Readers
   * see the whole object or none. Throws `artifact_not_media` if the bytes are of another kind than `media`, and
   * `artifact_too_large` past `maxBytes`, both non-retryable.
   */
  put(
    name: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    limits: { media: 'image' | 'video'; maxBytes: number },
  ): Promise<Artifact>
}

/** The name of an attempt's object: a retried activity overwrites its own and no other. */
export function artifactName(kind: string, task: { taskKey: string; attempt: number }): string {
  return `${kind}-${task.taskKey.replace(/[^\w-]/g, '_')}-${task.attempt}`
}

export function createArtifactStore({
  artifactsDir,
  mainUrl,
}: Pick<ActivityContext, 'artifactsDir' | 'mainUrl'>): ArtifactStore {
  return {
    async prepare() {
      await mkdir(artifactsDir, { recursive: true })
      await (await temporaryFile(artifactsDir)).discard()
    },

    async put(name, content, { media, maxBytes }) {
      await mkdir(artifactsDir, { recursive: true })
      const file = await temporaryFile(artifactsDir)
      try {
        const hash = createHash('sha256')
        let head = Buffer.alloc(0)
        let bytes = 0
        for await (const chunk of content) {
          bytes += chunk.byteLength
          if (bytes > maxBytes) {
            throw ApplicationFailure.nonRetryable(`${name} is larger than ${maxBytes} bytes`, 'artifact_too_large')
          }
          if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk])
          hash.update(chunk)
          await file.write(chunk)
        }
        const type = await fileTypeFromBuffer(head)
        if (!type?.mime.startsWith(`${media}/`)) {
          const found = type?.mime ?? 'of no known type'
          throw ApplicationFailure.nonRetryable(`${name} is ${found}, not ${media}`, 'artifact_not_media')
        }
        const key = `${name}.${type.ext}`
        await file.keepAs(join(artifactsDir, key))
        return {
          key,
          url: `${mainUrl.replace(/\/$/, '')}/artifacts/${key}`,
          mimeType: type.mime,
          bytes,
          sha256: hash.digest('hex'),
        }
      } catch (error) {
        await file.discard()
        throw error
      }
    },
  }
}

async function temporaryFile(dir: string) {
  const path = join(dir, `.${randomUUID()}.part`)
  const handle = await open(path, 'wx')
  return {
    write: (chunk: Uint8Array) => handle.writeFile(chunk),
    async keepAs(finalPath: string) {
      await handle.sync()
      await handle.close()
      await rename(path, finalPath)
    },
    async discard() {
      await handle.close()
      await rm(path, { force: true })
    },
  }
}
