/** One Ctrl-C reaches a process twice where npm started it: from the terminal, and from npm, which passes it on. */
const REPEAT_MS = 500

/**
 * Calls `stop` at the first SIGINT or SIGTERM. At a second one, half a second later or more, calls `force` and ends
 * the process with 1; what comes sooner is the first one again.
 */
export function stopOnSignals(stop: (signal: NodeJS.Signals) => void, force: () => void = () => {}): void {
  let state: 'running' | 'asked' | 'stopping' = 'running'
  const onSignal = (signal: NodeJS.Signals) => {
    if (state === 'stopping') {
      force()
      process.exit(1)
    }
    if (state === 'asked') return
    state = 'asked'
    // A signal that came while the process was busy is dispatched after timers, and before immediates.
    setTimeout(() => setImmediate(() => (state = 'stopping')), REPEAT_MS).unref()
    stop(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}
