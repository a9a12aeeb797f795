/** Ark's limits per model: concurrent tasks, and creates a minute. */
import type { Task } from './task.js'
import { statusAt } from './task.js'

export interface ArkLimits {
  /** Tasks of one model that may be queued or running at once. Default: no limit. */
  maxRunning?: number
  /** Creates of one model in any minute. Default: no limit. */
  requestsPerMinute?: number
}

const MINUTE_MS = 60_000

/** @returns the limit that a create of the model exceeds now; if none, the create is counted */
export function createLimits({ maxRunning = Infinity, requestsPerMinute = Infinity }: ArkLimits) {
  const accepted = new Map<string, number[]>()
  return (model: string, tasks: Iterable<Task>, now: number): 'requestsPerMinute' | 'maxRunning' | undefined => {
    const lately = (accepted.get(model) ?? []).filter((at) => at > now - MINUTE_MS)
    accepted.set(model, lately)
    if (lately.length >= requestsPerMinute) return 'requestsPerMinute'
    const underWay = [...tasks].filter((task) => {
      const status = statusAt(task, now)
      return task.request.model === model && (status === 'queued' || status === 'running')
    })
    if (underWay.length >= maxRunning) return 'maxRunning'
    lately.push(now)
    return undefined
  }
}
