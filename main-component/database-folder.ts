/** PGLite's folder: locked, with room on its disk, and with an empty database in it if there was none. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type LockedFolder, lockDataDir, unusable } from './data-dir-lock.js'
import { assertRoom } from './disk-space.js'

/** The longest time that making an empty database may take, on a very slow machine. */
const INITIALISE_MS = 60_000

/** `dataDir` is a folder, or `memory://`; it is used if there is no `url`. */
export interface DatabasePlace {
  url?: string | undefined
  dataDir: string
}

/**
 * Nothing where no folder is used.
 * @throws MainComponentError if it is in use, cannot be used, or its disk is full
 */
export async function prepareFolder({ url, dataDir }: DatabasePlace): Promise<LockedFolder | undefined> {
  if (url !== undefined || dataDir.startsWith('memory://')) return undefined
  const folder = lockDataDir(dataDir)
  try {
    const isNew = !existsSync(join(folder.path, 'PG_VERSION'))
    assertRoom(folder.path, isNew)
    if (isNew) await makeEmptyDatabase(folder)
    return folder
  } catch (error) {
    folder.unlock()
    throw error
  }
}

/**
 * In a process of its own: it takes half a gigabyte, most of which would stay with this one. V8's optimizing compiler
 * is off there, as it takes longer than what it makes faster. The process has the lock too, and a group of its own: it
 * ends what it has begun even if this one is killed.
 */
async function makeEmptyDatabase({ path, fd }: LockedFolder): Promise<void> {
  const program = fileURLToPath(new URL('initialise-pglite.mjs', import.meta.url))
  const child = spawn(process.execPath, ['--liftoff-only', program, path], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    detached: true,
    timeout: INITIALISE_MS,
    killSignal: 'SIGKILL',
  })
  const said = child.stderr ? text(child.stderr) : ''
  const [code, signal] = await once(child, 'exit').catch((cause: unknown) => {
    throw unusable(path, cause)
  })
  if (code !== 0) throw unusable(path, signal ? new Error(`an empty database was not made: ${signal}`) : await said)
}
