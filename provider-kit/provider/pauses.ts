/**
 * Which providers have asked this process to wait. Activities note it, and the task processor claims nothing for the
 * integration meanwhile: its tasks stay `pending`, where any daemon may claim them.
 */
import { observation } from '../../lib/observation.js'
import { providerTaskQueue } from '../../protocol/names.js'

export interface ProviderPauses {
  /** @param queue the task queue of the refused request */
  pause(queue: string, seconds: number): void
  /** How much longer nothing should be claimed for the integration with this task queue; 0 if that time is over. */
  pausedSeconds(taskQueue: string): number
}

/** A provider took no more. */
export const providerPaused = observation<{ queue: string }>('provider-paused')

/** @param now milliseconds of a monotonic clock. Default: the process's. */
export function createProviderPauses(now: () => number = () => performance.now()): ProviderPauses {
  const until = new Map<string, number>()
  return {
    pause(queue, seconds) {
      providerPaused.tell({ queue })
      until.set(queue, Math.max(until.get(queue) ?? 0, now() + seconds * 1000))
    },
    pausedSeconds(taskQueue) {
      return Math.max(0, ((until.get(providerTaskQueue(taskQueue)) ?? 0) - now()) / 1000)
    },
  }
}
