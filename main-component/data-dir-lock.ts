/** A lock on PGLite's folder: a second process on the same folder would corrupt the database. */
import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'
import { MainComponentError } from './errors.js'

/** Inside the folder, so that whoever shares the folder shares the lock. The file stays: only the lock on it counts. */
const LOCK_FILE = 'main.lock'

const REMEDY =
  'Give main a folder that it may write, with MAIN_DATA_DIR, or use PostgreSQL with DATABASE_URL. Nothing has been changed.'

export interface LockedFolder {
  /** With symbolic links resolved, as PGLite does not follow them. */
  path: string
  /** Of the lock's file: a process that inherits it has the lock, too. */
  fd: number
  unlock(): void
}

/**
 * Locks the folder for this process, and creates it if it is missing. The operating system holds the lock: it covers
 * all containers on one machine and this process too, and lasts until the process ends, however it ends.
 *
 * @throws MainComponentError `DATABASE_IN_USE` while it is locked; `DATABASE_FOLDER_UNUSABLE`
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
  return { path, fd, unlock: () => closeSync(fd) }
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

/** @param cause what Node or PGLite threw; PGLite's file system throws bare numbers of its own */
export function unusable(dataDir: string, cause: unknown): MainComponentError {
  const said = cause instanceof Error ? cause.message : 'PGLite may not read or write what is in it'
  const message = `The database folder ${dataDir} cannot be used: ${said}. ${REMEDY}`
  return new MainComponentError('DATABASE_FOLDER_UNUSABLE', message, false, { cause })
}
