import { setMaxListeners } from 'node:events'

/**
 * A signal for one request that follows longer-lived ones. `release` cuts it loose once the request is over:
 * its listeners, like what `AbortSignal.any` keeps on Node 20, would pile up on the signals that outlive it.
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

/** For signals that many wait for at once, which is no leak: each lets go when it is done. */
export function manyListeners(...signals: AbortSignal[]): void {
  // Not 0, which means the same: Node's own `getMaxListeners`, which undici calls, throws of it.
  setMaxListeners(Number.POSITIVE_INFINITY, ...signals)
}

/**
 * Gives `work` a signal that aborts with any of these, and after `timeoutMs`. Not `AbortSignal.any` over
 * `AbortSignal.timeout`: Node 20 may collect that timeout as garbage, and then it never comes.
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

/** What `work` comes to, unless the signal, not yet aborted, is first: for work that does not listen to it itself. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
