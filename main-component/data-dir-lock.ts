/** PGLite is one process's database: a second one on the same folder would corrupt it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { MainComponentError } from './errors.js'

/** The locks of this process. A file that names this process and is not among them is left from an earlier one. */
const held = new Set<string>()

/**
 * Takes the folder for this process.
 *
 * @returns gives it back
 * @throws MainComponentError `DATABASE_IN_USE` while another living process has it
 */
export function lockDataDir(dataDir: string): () => void {
  const file = `${dataDir}.lock`
  if (!take(file)) {
    const owner = Number(readFileSync(file, 'utf8'))
    if (held.has(file) || (owner !== process.pid && isAlive(owner))) {
      throw new MainComponentError(
        'DATABASE_IN_USE',
        `The database folder ${dataDir} is in use by process ${owner}. Stop that one, or give this one another folder with MAIN_DATA_DIR, or use PostgreSQL with DATABASE_URL.`,
        false,
      )
    }
    rmSync(file, { force: true })
    if (!take(file)) throw new MainComponentError('DATABASE_IN_USE', `${file} was just taken by another process`, true)
  }
  held.add(file)
  return () => {
    held.delete(file)
    rmSync(file, { force: true })
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
