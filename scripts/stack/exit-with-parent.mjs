/**
 * Loaded into every process of the stack. When the process that started it closes their channel, or is gone, however
 * that ended, it stops instead of living on with ports and data folders taken. Either happens once, so that one stop
 * is one signal. Plain JavaScript: the process's worker threads load it again, where no TypeScript loader is.
 */
import { isMainThread } from 'node:worker_threads'

const FORCED_AFTER_MS = 15_000

if (isMainThread) {
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM')
    setTimeout(() => process.exit(1), FORCED_AFTER_MS).unref()
  })
}
