import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareFolder, receive } from './incoming-file.js'
import { type ObjectPlace, replace } from './replace.js'
import type { ArtifactStore } from './store.js'
import { beforeSpending, onDisk } from './store-errors.js'

/** Keeps artifacts as files of one folder. */
export function createLocalStore(dir: string, mainUrl: string): ArtifactStore {
  const folder: ObjectPlace = {
    keysOf: async (name) => (await onDisk(readdir(dir))).filter((file) => file.startsWith(`${name}.`)),
    store: ({ path }, key) => onDisk(rename(path, join(dir, key))),
    remove: (key) => onDisk(rm(join(dir, key), { force: true })),
  }
  return {
    remove: folder.remove,
    prepare: () => beforeSpending(prepareFolder(dir)),
    put: (name, content, limits, signal) =>
      receive(dir, name, content, limits, (file) => replace(folder, name, file, mainUrl, signal)),
  }
}
