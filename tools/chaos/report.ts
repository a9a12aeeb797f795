/** The result of a run: the summary, a table for people, one line of JSON for programs. */
import { percentile, recoverySeconds } from './recovery.js'
import type { InflictedFault } from './system/injector.js'
import type { StoredTask } from './witnesses/database.js'
import type { Violation } from './witnesses/violation.js'

export interface ChaosSummary {
  tasks: number
  completed: number
  failed: number
  lost: number
  duplicateStarts: number
  /** Only of providers that offer a lookup. */
  duplicateProviderCreates: number
  staleWritesAccepted: number
  /** How many times each kind of fault hit something: a process, a server, a workflow, a request. */
  faults: Record<string, number>
  recoverySeconds: { p50: number | null; max: number | null }
}

export interface ChaosReport {
  summary: ChaosSummary
  violations: Violation[]
  faults: InflictedFault[]
  tasks: StoredTask[]
}

export function summarize(tasks: StoredTask[], faults: InflictedFault[], violations: Violation[]): ChaosSummary {
  const withStatus = (status: string) => tasks.filter((task) => task.status === status).length
  const count = (counts: Violation['counts']) => violations.filter((violation) => violation.counts === counts).length
  const recovery = recoverySeconds(faults, tasks)
  return {
    tasks: tasks.length,
    completed: withStatus('completed'),
    failed: withStatus('failed'),
    lost: count('lost'),
    duplicateStarts: count('duplicateStarts'),
    duplicateProviderCreates: count('duplicateProviderCreates'),
    staleWritesAccepted: count('staleWritesAccepted'),
    faults: Object.fromEntries([...byKind(faults)].map(([kind, group]) => [kind, hits(group)])),
    recoverySeconds: { p50: percentile(recovery, 0.5), max: percentile(recovery, 1) },
  }
}

/** Whether the promises held. */
export function isClean(summary: ChaosSummary): boolean {
  const { lost, duplicateStarts, duplicateProviderCreates, staleWritesAccepted } = summary
  return lost + duplicateStarts + duplicateProviderCreates + staleWritesAccepted === 0
}

/** Lines for a terminal: every violation, then the faults by kind. */
export function table({ faults, violations, tasks }: ChaosReport): string[] {
  const lines = violations.map(({ counts, task, what }) => `${counts}: ${task} ${what}`)
  lines.push('', row('fault', 'times', 'hits', 'recovery p50', 'max'))
  for (const [kind, group] of byKind(faults)) {
    const seconds = recoverySeconds(group, tasks)
    const cell = (share: number) => {
      const value = percentile(seconds, share)
      return value === null ? '-' : `${value.toFixed(1)} s`
    }
    lines.push(row(kind, String(group.length), String(hits(group)), cell(0.5), cell(1)))
  }
  return lines
}

function row(kind: string, ...cells: string[]): string {
  return kind.padEnd(20) + cells.map((cell) => cell.padStart(14)).join('')
}

function byKind(faults: readonly InflictedFault[]): Map<string, InflictedFault[]> {
  const groups = new Map<string, InflictedFault[]>()
  for (const fault of [...faults].sort((a, b) => a.kind.localeCompare(b.kind))) {
    groups.set(fault.kind, [...(groups.get(fault.kind) ?? []), fault])
  }
  return groups
}

function hits(faults: readonly InflictedFault[]): number {
  return faults.reduce((sum, fault) => sum + fault.hits, 0)
}
