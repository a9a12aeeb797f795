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
