/**
 * Loaded into every process of the stack: when the process that started it is gone, however that ended, it stops
 * too instead of living on with ports and data folders taken.
 */
const FORCED_AFTER_MS = 15_000

process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM')
  setTimeout(() => process.exit(1), FORCED_AFTER_MS).unref()
})
