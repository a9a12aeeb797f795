/** Checks that each task ended as it should. */

import type { CreatedTask } from '../load.js'
import type { PlannedTask } from '../tasks.js'
import { isFinal, markerOf, type StoredTask } from './database.js'
import type { Violation } from './violation.js'

/**
 * Tasks that were acknowledged but do not exist; that nobody was told of; that are not final, or ended in the wrong
 * way.
 */
export function judgeEndings(
  planned: readonly PlannedTask[],
  created: readonly CreatedTask[],
  stored: readonly StoredTask[],
): Violation[] {
  const lost = (task: string, what: string): Violation => ({ counts: 'lost', task, what })
  const rows = new Set(stored.map(nameOf))
  const answered = new Set(created.map(nameOf))
  const missing = [...answered].filter((name) => !rows.has(name))
  const surplus = [...rows].filter((name) => !answered.has(name))
  const byMarker = new Map(planned.map((task) => [task.marker, task]))
  return [
    ...missing.map((name) => lost(name, 'was created, and is not there')),
    ...surplus.map((name) => lost(name, 'is there beside the one that was asked for')),
    ...stored.flatMap((task) => {
      const plan = byMarker.get(markerOf(task))
      const what = plan ? wrongEnd(plan, task) : 'was never asked for'
      return what === null ? [] : [lost(nameOf(task), what)]
    }),
  ]
}

function wrongEnd({ refused }: PlannedTask, task: StoredTask): string | null {
  if (!isFinal(task)) return `is ${task.status} after ${task.attempts} attempts`
  const expected = refused ? 'failed' : 'completed'
  if (task.status === expected) return null
  const reason = task.state.error ? `: ${task.state.error.code}, ${task.state.error.message.slice(0, 300)}` : ''
  return `is ${task.status} instead of ${expected}${reason}`
}

function nameOf({ kind, taskKey }: Pick<StoredTask, 'kind' | 'taskKey'>): string {
  return `${kind} ${taskKey}`
}
