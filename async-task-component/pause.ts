import type { RetryPolicy } from './types.js'

/** Waits, or returns early once the signal is aborted; leaves neither timer nor listener behind. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish, { once: true })
  })
}

const SIGN_OF_LIFE_MS = 10_000

/** Awaits what may rightly take long; `alive` is called all the while. */
export async function patiently<T>(alive: () => void, work: Promise<T>): Promise<T> {
  const timer = setInterval(alive, SIGN_OF_LIFE_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}

/** The pause after `failures` failures in a row (at least 1), in milliseconds, before jitter. */
export function growingPauseMs({ firstPauseMs, maxPauseMs, factor }: RetryPolicy, failures: number): number {
  return Math.min(maxPauseMs, firstPauseMs * factor ** Math.min(failures - 1, 100))
}

/** A fifth more or less, so that what failed together does not come back together. */
export function withJitter(ms: number, random: number = Math.random()): number {
  return Math.round(ms * (0.8 + 0.4 * random))
}
