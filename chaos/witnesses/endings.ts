/** Whether each task came to its rightful end. */
import type { CreatedTask } from '../load.js'
import { isFinal, KINDS, markerOf, type StoredTask } from './database.js'
import type { Violation } from './violation.js'

/** Tasks that were promised and are not there, are not final, or ended otherwise than they had to. */
export function judgeEndings(created: readonly CreatedTask[], stored: readonly StoredTask[]): Violation[] {
  const byMarker = new Map(stored.map((task) => [markerOf(task), task]))
  return created.flatMap(({ marker, kind, id, refused }) => {
    const task = byMarker.get(marker)
    const lost = (what: string): Violation[] => [{ counts: 'lost', task: `${kind} ${id}`, what }]
    if (!task || task.id !== id) return lost(`was created in ${KINDS[kind].entity}, and is not there`)
    if (!isFinal(task)) return lost(`is ${task.status} after ${task.attempts} attempts`)
    const expected = refused ? 'failed' : 'completed'
    if (task.status === expected) return []
    const reason = task.state.error ? `: ${task.state.error.code}, ${task.state.error.message.slice(0, 300)}` : ''
    return lost(`is ${task.status} instead of ${expected}${reason}`)
  })
}
