/**
 * Loaded into every process of the stack. When its parent closes their channel, or is gone for any reason, the process
 * stops, so that it does not keep ports and data folders. Only the first of these counts, so that one stop is one
 * signal. Plain JavaScript: worker threads load it again, without a TypeScript loader.
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
