/** PGLite is one process's database: a second one on the same folder would corrupt it. */
import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'
import { MainComponentError } from './errors.js'

/** Inside the folder, so that whoever shares the folder shares the lock. It stays: only the lock on it counts. */
const LOCK_FILE = 'main.lock'

const REMEDY =
  'Give main a folder that it may write, with MAIN_DATA_DIR, or use PostgreSQL with DATABASE_URL. Nothing has been changed.'

export interface LockedFolder {
  /** Without symbolic links, which PGLite does not follow. */
  path: string
  unlock(): void
}

/**
 * Takes the folder for this process, and makes it where it is not there. The operating system holds the lock: for all
 * containers on one machine, against this process too, and until the process ends, however it ends.
 *
 * @throws MainComponentError `DATABASE_IN_USE` while it is taken; `DATABASE_FOLDER_UNUSABLE`
 */
export function lockDataDir(dataDir: string): LockedFolder {
  const { path, fd } = open(dataDir)
  if (!lock(fd, dataDir)) {
    closeSync(fd)
    throw new MainComponentError(
      'DATABASE_IN_USE',
      `The database folder ${dataDir} is in use by another process. Stop that one, or give this one another folder with MAIN_DATA_DIR, or use PostgreSQL with DATABASE_URL.`,
      false,
    )
  }
  return { path, unlock: () => closeSync(fd) }
}

function open(dataDir: string): { path: string; fd: number } {
  try {
    mkdirSync(dataDir, { recursive: true })
    const path = realpathSync(dataDir)
    return { path, fd: openSync(join(path, LOCK_FILE), 'a') }
  } catch (cause) {
    throw unusable(dataDir, cause)
  }
}

function lock(fd: number, dataDir: string): boolean {
  try {
    return tryLock(fd)
  } catch (cause) {
    closeSync(fd)
    throw unusable(dataDir, cause)
  }
}

/** @param cause what Node or PGLite threw; PGLite's file system throws numbers that are its own, and no words */
export function unusable(dataDir: string, cause: unknown): MainComponentError {
  const said = cause instanceof Error ? cause.message : 'PGLite may not read or write what is in it'
  const message = `The database folder ${dataDir} cannot be used: ${said}. ${REMEDY}`
  return new MainComponentError('DATABASE_FOLDER_UNUSABLE', message, false, { cause })
}
