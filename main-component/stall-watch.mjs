/** A thread that ends the process if the main thread stalls. Plain JavaScript, so that it needs no loader. */
import { statfsSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { shared, folder, reserveBytes, fullDiskStallMs, stallMs } = workerData
const LOOK_MS = 1000

// Counted in looks, not by the clock: pausing the whole process is no stall.
let stalledMs = 0
let lastBeat = -1
setInterval(() => {
  const beat = Atomics.load(shared, 0)
  const isDebugged = Atomics.load(shared, 1) === 1
  stalledMs = beat === lastBeat && !isDebugged ? stalledMs + LOOK_MS : 0
  lastBeat = beat
  if (stalledMs >= stallMs) end('')
  else if (stalledMs >= fullDiskStallMs && freeBytes() < reserveBytes) {
    end(`: the disk of ${folder} is full. Free some room, or enlarge the volume, and start it again`)
  }
}, LOOK_MS)

function freeBytes() {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

function end(why) {
  try {
    writeSync(2, `main component: ended, as its database PGLite has not come back for ${stalledMs / 1000} s${why}\n`)
  } catch {
    // stderr may be on that disk.
  }
  process.kill(process.pid, 'SIGKILL')
}
