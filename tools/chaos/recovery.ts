/** How soon tasks complete again after a fault. Pure. */
import type { InflictedFault } from './system/injector.js'
import type { StoredTask } from './witnesses/database.js'

/**
 * For each fault, the seconds from its end until the next task is completed. Faults after which no task was completed
 * are left out: there was nothing left to do.
 */
export function recoverySeconds(
  faults: readonly Pick<InflictedFault, 'endedAt'>[],
  tasks: readonly Pick<StoredTask, 'events'>[],
): number[] {
  const completions = tasks
    .flatMap(({ events }) => events.filter(({ type }) => type === 'completed').map(({ at }) => at * 1000))
    .sort((a, b) => a - b)
  return faults.flatMap(({ endedAt }) => {
    const next = completions.find((at) => at >= endedAt)
    return next === undefined ? [] : [(next - endedAt) / 1000]
  })
}

/** The value that the given share of the values does not exceed; null if there are none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  return value === undefined ? null : Math.round(value * 100) / 100
}
