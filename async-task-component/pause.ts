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

/** Awaits something that may take long, and calls `alive` meanwhile. */
export async function patiently<T>(alive: () => void, work: Promise<T>): Promise<T> {
  const timer = setInterval(alive, SIGN_OF_LIFE_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
