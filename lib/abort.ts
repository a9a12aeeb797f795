import { setMaxListeners } from 'node:events'

/**
 * A signal for one request, linked to longer-lived ones. Call `release` once the request is over: otherwise its
 * listeners, like those of `AbortSignal.any` on Node 20, pile up on the signals that outlive it.
 */
export function followingSignal(...signals: AbortSignal[]): { controller: AbortController; release: () => void } {
  const controller = new AbortController()
  manyListeners(controller.signal)
  const followed = signals.map((signal) => {
    const abort = () => controller.abort(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    return () => signal.removeEventListener('abort', abort)
  })
  return {
    controller,
    release: () => {
      for (const letGo of followed) letGo()
    },
  }
}

/** Allows any number of listeners: they are removed when done, so many of them are no leak. */
export function manyListeners(...signals: AbortSignal[]): void {
  // Not 0, which also means unlimited: it makes Node's own `getMaxListeners`, which undici calls, throw.
  setMaxListeners(Number.POSITIVE_INFINITY, ...signals)
}

/**
 * Gives `work` a linked abort signal with a time-out. It does not use `AbortSignal.any` over `AbortSignal.timeout`:
 * Node 20 may garbage-collect that timeout, and then it never fires.
 */
export async function withTimeout<T>(
  timeoutMs: number,
  signals: AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { controller, release } = followingSignal(...signals)
  const late = () => controller.abort(new DOMException(`No end within ${timeoutMs} ms`, 'TimeoutError'))
  const timer = setTimeout(late, timeoutMs)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    release()
  }
}

/** Races `work` against the signal: for work that does not listen to it itself. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/**
 * Waits for so many milliseconds, or less: until `signal` aborts, or whoever `subscribe` was given to wakes it. Leaves
 * neither timer nor listener behind, and never rejects.
 *
 * @param subscribe takes what wakes; returns what unsubscribes it. Default: nobody wakes
 */
export function pause(
  ms: number,
  signal: AbortSignal,
  subscribe: (wake: () => void) => () => void = () => () => {},
): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      unsubscribe()
      resolve()
    }
    const timer = setTimeout(wake, ms)
    signal.addEventListener('abort', wake, { once: true })
    const unsubscribe = subscribe(wake)
  })
}
