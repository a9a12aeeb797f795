/** npm passes a Ctrl-C on that the process also gets from the terminal: one key press is two signals. */
const REPEAT_MS = 500

/**
 * Calls `stop` at the first SIGINT or SIGTERM. At a second one, half a second later or more, calls `force` and exits
 * with 1; an earlier one counts as part of the first.
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
    // A signal that arrived while the process was busy is dispatched after timers, and before immediates.
    setTimeout(() => setImmediate(() => (state = 'stopping')), REPEAT_MS).unref()
    stop(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}
