/** What a measure has running: stopped when it is over, and before the bench ends by a signal. */
import { stopOnSignals } from '../../lib/stop-on-signals.js'

const running = new Set<() => Promise<void>>()

/** @param stop stops all of it, once, also where `use` has failed */
export async function whileRunning<T>(use: () => Promise<T>, stop: () => Promise<void>): Promise<T> {
  let stopped: Promise<void> | undefined
  const stopOnce = () => (stopped ??= stop())
  running.add(stopOnce)
  try {
    return await use()
  } finally {
    await stopOnce()
    running.delete(stopOnce)
  }
}

/** Has a signal stop what runs before the process ends. */
export function stopRunningOnSignals(): void {
  stopOnSignals((signal) => {
    const all = Promise.allSettled([...running].map((stop) => stop()))
    void all.then(() => process.exit(signal === 'SIGINT' ? 130 : 143))
  })
}
