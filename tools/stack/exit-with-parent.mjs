/**
 * Loaded into every process of the stack. When the process that started it closes their channel, or is gone, however
 * that ended, it stops instead of living on with ports and data folders taken. Either happens once, so that one stop
 * is one signal. Plain JavaScript: the process's worker threads load it again, where no TypeScript loader is.
 */
import { isMainThread } from 'node:worker_threads'

/** Longer than any component's own grace time on this machine. */
const FORCED_AFTER_MS = 20_000

function stop() {
  process.kill(process.pid, 'SIGTERM')
  setTimeout(() => process.exit(1), FORCED_AFTER_MS).unref()
}

if (isMainThread) {
  if (process.connected === false) stop()
  else process.once('disconnect', stop)
}
