import { vi } from 'vitest'

/**
 * Waits until `look` throws no more, and gives what it gave; how long that takes is the machine's business. Unlike
 * `expect.poll` it may be used in tests that run beside each other.
 */
export function eventually<T>(look: () => T | Promise<T>, timeout = 60_000): Promise<T> {
  return vi.waitFor(look, { timeout, interval: 50 })
}
