import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { artifactUrl } from '../artifact.js'
import { prepareFolder, receive } from './incoming-file.js'
import type { ArtifactStore } from './index.js'
import { beforeSpending, onDisk } from './store-failure.js'

/** Keeps artifacts as files of one folder. */
export function createLocalStore(dir: string, mainUrl: string): ArtifactStore {
  return {
    prepare: () => beforeSpending(prepareFolder(dir)),

    put: (name, content, limits, signal) =>
      receive(dir, name, content, limits, async (file) => {
        const key = `${name}.${file.extension}`
        const earlier = await storedAs(dir, name)
        signal.throwIfAborted()
        await onDisk(rename(file.path, join(dir, key)))
        for (const other of earlier.filter((one) => one !== key)) await onDisk(rm(join(dir, other), { force: true }))
        const { mimeType, bytes, sha256 } = file
        return { key, url: artifactUrl(mainUrl, key), mimeType, bytes, sha256 }
      }),
  }
}

/** The objects of one name: at most one, unless a try was interrupted between storing its own and removing that. */
async function storedAs(dir: string, name: string): Promise<string[]> {
  return (await onDisk(readdir(dir))).filter((file) => file.startsWith(`${name}.`))
}
