/** The disk space that PGLite needs. If it runs out, PGLite never answers again. */
import { statfsSync } from 'node:fs'
import inspector from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { MainComponentError } from './errors.js'

const MIB = 2 ** 20
/** Two segments of its log, of 16 MiB each: one for a request's writes, one for those of a stop and a start. */
const RESERVE_BYTES = 32 * MIB
/** The size of an empty database's files. */
const NEW_DATABASE_BYTES = 48 * MIB

const BEAT_MS = 500
/** The longest stall on a full disk. */
const FULL_DISK_STALL_MS = 5_000
/** The longest stall for any reason (a quota, say). Far longer than a statement or the making of a database. */
const STALL_MS = 60_000

/**
 * @param isNew whether the database's files do not exist yet
 * @throws MainComponentError `DISK_FULL` if less is free than PGLite may need
 */
export function assertRoom(folder: string, isNew = false): void {
  const { bavail, bsize } = statfsSync(folder)
  const needed = RESERVE_BYTES + (isNew ? NEW_DATABASE_BYTES : 0)
  if (bavail * bsize >= needed) return
  const free = Math.floor((bavail * bsize) / MIB)
  const message = `The disk of the database folder ${folder} has ${free} MiB free, and PGLite needs ${needed / MIB} MiB to write safely. Free some, or enlarge the volume.`
  throw new MainComponentError('DISK_FULL', message, true)
}

/**
 * Ends the process, with a reason on stderr, if PGLite blocks it: on a full disk PGLite waits for ever in this thread,
 * so that no request and no signal is handled. What was acknowledged is in its log by then.
 *
 * @returns a function that ends the watch
 */
export function watchForStall(folder: string): () => void {
  // A heartbeat counter, and whether a debugger is attached: then a pause is no stall.
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const beat = setInterval(() => {
    Atomics.add(shared, 0, 1)
    Atomics.store(shared, 1, inspector.url() === undefined ? 0 : 1)
  }, BEAT_MS).unref()
  const workerData = {
    shared,
    folder,
    reserveBytes: RESERVE_BYTES,
    fullDiskStallMs: FULL_DISK_STALL_MS,
    stallMs: STALL_MS,
  }
  const worker = new Worker(new URL('stall-watch.mjs', import.meta.url), { workerData, execArgv: [] })
  worker.unref()
  return () => {
    clearInterval(beat)
    void worker.terminate()
  }
}
