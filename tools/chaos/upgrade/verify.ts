/** What must hold once everything has ended, whatever was upgraded meanwhile. */
import type { PlannedTask } from '../tasks.js'
import { markerOf, type StoredTask } from '../witnesses/database.js'
import { judgeEvents } from '../witnesses/event-table.js'
import { type Execution, judgeExecutions } from '../witnesses/temporal.js'
import type { Violation } from '../witnesses/violation.js'

export interface Ended {
  created: readonly PlannedTask[]
  stored: readonly StoredTask[]
  executions: readonly Execution[]
  /** Each request for which a provider created something. */
  creates: readonly string[]
}

export function verify({ created, stored, executions, creates }: Ended): Violation[] {
  const rows = groupBy(stored, markerOf)
  const made = groupBy(creates, (request) => /chaos-\d+-\d+/.exec(request)?.[0] ?? 'no task')
  const asked = new Set(created.map(({ marker }) => marker))
  return [
    ...[...rows.keys(), ...made.keys()]
      .filter((marker) => !asked.has(marker))
      .map((marker) => lost(marker, 'is there, and was never asked for')),
    ...created.flatMap((task) => verifyTask(task, rows.get(task.marker) ?? [], made.get(task.marker)?.length ?? 0)),
    ...judgeExecutions(executions),
    ...stored.flatMap((task) => judgeEvents(task).violations),
  ]
}

/** One row that ended in its first attempt, for which a provider created at most one thing. */
function verifyTask({ kind, marker, refused }: PlannedTask, rows: readonly StoredTask[], made: number): Violation[] {
  const name = `${kind} ${marker}`
  const [row] = rows
  if (!row || rows.length > 1) return [lost(name, `is there ${rows.length} times`)]
  const violations: Violation[] = []
  const end = refused ? 'failed' : 'completed'
  if (row.status !== end || row.attempts !== 1) {
    const error = row.state.error ? `: ${row.state.error.code}, ${row.state.error.message}` : ''
    violations.push(lost(name, `is ${row.status} after ${row.attempts} attempts instead of ${end} after one${error}`))
  }
  if (made > 1) violations.push({ counts: 'duplicateProviderCreates', task: name, what: `was made ${made} times` })
  if (made === 0 && kind !== 'test' && !refused) violations.push(lost(name, 'is completed, and was never made'))
  return violations
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function lost(task: string, what: string): Violation {
  return { counts: 'lost', task, what }
}
