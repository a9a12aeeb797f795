/** Wakes requests that wait for a task to claim. Within this process only: what others do is found by looking. */
import type { Controller } from 'interaqt'

export interface Arrivals {
  /** Counts the wakings, so that one between a look and the wait after it is not missed. */
  readonly count: number
  wake(): void
  /** Resolves once there was a waking after `seen`, after `ms`, or when `signal` aborts. Never rejects. */
  next(seen: number, ms: number, signal: AbortSignal): Promise<void>
}

const known = new WeakMap<Controller, Map<string, Arrivals>>()

/** The arrivals of one entity's tasks. */
export function arrivalsOf(controller: Controller, entityName: string): Arrivals {
  const entities = known.get(controller) ?? new Map<string, Arrivals>()
  known.set(controller, entities)
  const arrivals = entities.get(entityName) ?? createArrivals()
  entities.set(entityName, arrivals)
  return arrivals
}

function createArrivals(): Arrivals {
  let count = 0
  const waiting = new Set<() => void>()
  return {
    get count() {
      return count
    },
    wake() {
      count += 1
      for (const resolve of waiting) resolve()
    },
    next(seen, ms, signal) {
      if (seen !== count || signal.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const finish = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', finish)
          waiting.delete(finish)
          resolve()
        }
        const timer = setTimeout(finish, ms)
        signal.addEventListener('abort', finish, { once: true })
        waiting.add(finish)
      })
    },
  }
}
